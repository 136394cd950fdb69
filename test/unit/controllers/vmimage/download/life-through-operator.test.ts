import { describe, expect, test } from '@jest/globals';
import { wayOf } from '../../../../../controllers/shared/images/way.ts';
import { DownloadProblem } from '../../../../../src/download/index.ts';
import { ImageLife } from '../../../../builders/image-life.ts';
import { atCalls, FAULTS, isDistinct, Saboteur, type Fault } from '../../../../builders/saboteur.ts';
import fc from '../../../../builders/fast-check.ts';

const FOREIGN = 'local:import/of-somebody-else.qcow2';
const files = (life: ImageLife): readonly string[] => [...life.pve.volumes];

const download = { url: 'https://images.example/debian.qcow2.xz', providerRefs: [{ name: 'pve' }] };
const spec = { download };

interface Course {
  readonly deletedAfter?: number;
  readonly failures?: readonly string[];
}

/** From nothing to a template and back to nothing. */
async function live(
  faults: Iterable<readonly [number, Fault]>,
  { deletedAfter, failures = [] }: Course = {},
): Promise<readonly string[]> {
  const saboteur = new Saboteur(atCalls(faults));
  const life = new ImageLife({ spec, between: saboteur.between, isDead: saboteur.isDead });
  life.pve.volumes.add(FOREIGN);
  for (const type of failures) life.pve.failures.push({ type, exit: 'no space' });
  if (deletedAfter === undefined) {
    await life.untilReady();
    life.pve.settle();
    expect(life.made.map(({ config }) => config['template'])).toEqual(['1']);
    await life.until(() => life.status.downloads === undefined);
    expect(files(life)).toEqual([FOREIGN]);
  } else for (let pass = 0; pass < deletedAfter; pass += 1) await life.pass();
  await life.delete();
  life.afterwards();
  expect(life.made).toEqual([]);
  expect([...life.pve.guests.keys()]).toEqual([9000]);
  expect(files(life)).toEqual([FOREIGN]);
  expect(life.pve.downloads).toBe(0);
  return saboteur.called;
}

describe('through the operator from nothing to one template and back to nothing', () => {
  test('the file is read twice, with what the spec says, and uploaded once', async () => {
    const checksum = `sha256:${'CD'.repeat(32)}`;
    const life = new ImageLife({
      spec: { download: { ...download, checksum, caBundle: 'PEM', headersSecretRef: { name: 'key' } } },
    });
    life.secrets.set('key', { Authorization: 'Bearer secret-4711' });
    await life.until(() => life.status.downloads?.[0]?.via === 'Operator');
    expect(life.status.downloads?.[0]?.viaReason).toContain('.xz');
    await life.untilReady();
    expect(life.pve.uploads).toBe(1);
    expect(life.pve.downloads).toBe(0);
    const source = {
      url: download.url,
      ca: 'PEM',
      headers: { Authorization: 'Bearer secret-4711' },
    };
    const common = { source, format: 'qcow2', checksum: { algorithm: 'sha256', digits: 'CD'.repeat(32) } };
    expect(life.reads).toMatchObject([common, { ...common, expected: { bytes: 3000 } }]);
    expect(life.made).toHaveLength(1);
    expect(JSON.stringify(life.store.live())).not.toContain('secret-4711');
  });

  test.each(FAULTS)(
    'if any call %s',
    async (fault) => {
      const calls = await live([]);
      expect(calls).toContain('POST /nodes/{node}/storage/{storage}/upload');
      expect(calls).toContain('DELETE /nodes/{node}/qemu/{vmid}');
      for (const [index, what] of calls.entries()) {
        if (!isDistinct(fault, what)) continue;
        try {
          await live([[index + 1, fault]]);
        } catch (error) {
          throw new Error(`Call ${index + 1} of ${calls.length} (${what}) ${fault}.`, { cause: error });
        }
      }
    },
    60_000,
  );

  test('if any calls fail, any number of times, tasks fail too, and it is deleted at any time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(...FAULTS)), { maxLength: 6 }),
        fc.option(fc.nat(25), { nil: undefined }),
        fc.array(fc.constantFrom('imgcopy', 'qmcreate', 'qmtemplate', 'qmdestroy'), { maxLength: 4 }),
        async (gaps, deletedAfter, failures) => {
          let call = 0;
          const faults = gaps.map(([gap, fault]) => [(call += gap), fault] as const);
          await live(faults, { ...(deletedAfter !== undefined && { deletedAfter }), failures });
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);
});

test('what Proxmox VE has is not uploaded again by another process', async () => {
  let uploads = 0;
  const saboteur = new Saboteur((_call, what) =>
    what.endsWith('/upload') && (uploads += 1) === 1 ? 'dies after' : undefined,
  );
  const life = new ImageLife({ spec, between: saboteur.between, isDead: saboteur.isDead });
  await life.untilReady();
  expect(life.pve.uploads).toBe(1);
});

describe('what is in the way', () => {
  test('is a file with another checksum, with what to do, and it is tried again', async () => {
    const life = new ImageLife({ spec });
    life.served.problem = new DownloadProblem('ChecksumMismatch', 'The checksum is another one.');
    await life.until(() => life.ready.startsWith('False ChecksumMismatch'));
    expect(life.pve.uploads).toBe(0);
    life.served.problem = undefined;
    await life.untilReady();
  });

  test('is a file that is another one when it is read again: it is measured again', async () => {
    const life = new ImageLife({ spec });
    await life.until(() => life.status.downloads?.[0]?.sha256 !== undefined);
    life.served.sha256 = 'ef'.repeat(32);
    await life.untilReady();
    expect(life.reads.length).toBeGreaterThanOrEqual(4);
    expect(life.pve.uploads).toBe(1);
  });

  test('is a Secret that does not exist, or has no header', async () => {
    const life = new ImageLife({ spec: { download: { ...download, headersSecretRef: { name: 'key' } } } });
    await life.until(() => life.ready.startsWith('False SecretNotFound'));
    expect(life.ready).toContain('Secret default/key');
    life.secrets.set('key', { Host: 'secret-4711' });
    await life.until(() => life.ready.startsWith('False InvalidSpec'));
    expect(JSON.stringify(life.store.live())).not.toContain('secret-4711');
    life.secrets.set('key', { Authorization: 'a' });
    await life.untilReady();
  });

  test('is a task that fails after the upload, with what Proxmox VE said: the file is not measured again', async () => {
    const life = new ImageLife({ spec });
    life.pve.failures.push({ type: 'imgcopy', exit: 'no space left' });
    await life.until(() => life.ready.includes('no space left'));
    await life.untilReady();
    expect(life.pve.uploads).toBe(2);
    expect(life.reads).toHaveLength(3);
  });
});

test('another spec cancels what is fetched with the old one', async () => {
  const life = new ImageLife({ spec });
  await life.until(() => life.status.downloads?.[0]?.via === 'Operator');
  const elsewhere = { ...download, url: 'https://images.example/trixie.qcow2.zst' };
  life.store.editSpec({ download: elsewhere });
  await life.untilReady();
  expect(life.pve.uploads).toBe(1);
  expect(life.status.templates?.map(({ file }) => file)).toEqual([expect.stringContaining('-trixie.qcow2')]);
});

test('once the node can fetch it itself, it does', async () => {
  const life = new ImageLife({
    spec: { download: { ...download, url: 'https://a.example/a.img', caBundle: 'PEM' } },
  });
  await life.until(() => life.status.downloads?.[0]?.sha256 !== undefined);
  life.store.editSpec({ download: { ...download, url: 'https://a.example/a.img' } });
  await life.untilReady();
  expect([life.pve.uploads, life.pve.downloads]).toEqual([0, 1]);
});

describe('the way of a file', () => {
  test.each([
    [{ url: 'https://a.example/a.img' }, { via: 'ProxmoxVE' }],
    [{ url: 'https://a.example/a.xz/a.qcow2?x=.xz' }, { via: 'ProxmoxVE' }],
    [
      { url: 'https://a.example/a.raw.zst?x=1' },
      { via: 'Operator', reason: expect.stringContaining('.zst') },
    ],
    [
      { url: 'https://a.example/a.img', headersSecretRef: { name: 'a' } },
      { via: 'Operator', reason: expect.stringContaining('headersSecretRef') },
    ],
    [
      { url: 'https://a.example/a.img', caBundle: 'PEM' },
      { via: 'Operator', reason: expect.stringContaining('caBundle') },
    ],
  ])('%j', (given, way) => expect(wayOf(given)).toEqual(way));
});
