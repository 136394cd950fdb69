/** VMs that are made of a VMImage that is downloaded: before and after its template is there. */
import { describe, expect, test } from '@jest/globals';
import { demandsFor } from '../../../../controllers/shared/images/demand.ts';
import type { WantedImage } from '../../../../controllers/shared/images/wanted.ts';
import { NO_NAMESPACES } from '../../../../controllers/shared/grants/namespaces.ts';
import { describeTemplate } from '../../../../controllers/shared/guests/image-mark.ts';
import { Life, type LifeOptions } from '../../../builders/life.ts';
import { aClass, aDownload, aProvider, readerOf, UID } from '../../../builders/objects.ts';
import { CLUSTER_ID } from '../../../builders/operator-process.ts';
import { nodeName, vmid } from '../../../../src/lib/units.ts';
import { TEMPLATE_CONFIG } from '../../../builders/guests.ts';

const CHECKSUM = `sha256:${'ab'.repeat(32)}`;
const MARK = { cluster: CLUSTER_ID, namespace: 'default', name: 'ubuntu', uid: 'uid-of-ubuntu' };
const MARKED = { ...TEMPLATE_CONFIG, description: describeTemplate(MARK) };

const notReady = (message: string): WantedImage['status'] => ({
  conditions: [
    {
      type: 'Ready',
      status: 'False',
      reason: 'Downloading',
      message,
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ],
});
const downloading = (percent: number) =>
  aDownload({ checksum: CHECKSUM }, notReady(`Proxmox VE downloads the file, ${percent} % done.`));
const downloaded = (checksum = CHECKSUM) => aDownload({ checksum }, { templates: [{ checksum: CHECKSUM }] });

/** A VM and its image, as it is at present. */
function aLife(options: LifeOptions = {}) {
  const world = { image: downloading(1) };
  const life = new Life({ template: MARKED, images: () => [world.image], ...options });
  return { life, world };
}
const readyOf = ({ status }: Life) => status.conditions?.find(({ type }) => type === 'Ready');

async function passes(life: Life, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await life.pass();
}

describe('a VM whose image is downloaded', () => {
  test('waits, and is made once the template is there, of which status says what it is', async () => {
    const { life, world } = aLife();
    await passes(life, 5);
    expect(life.status).toMatchObject({ phase: 'Pending' });
    expect(life.status.vmid).toBeUndefined();
    expect(readyOf(life)).toMatchObject({
      status: 'False',
      reason: 'ImageNotReady',
      message: expect.stringContaining('VMImage default/ubuntu is not ready (Downloading)'),
    });
    world.image = downloaded();
    await life.untilReady();
    expect(life.pve.guestsOf(UID)).toHaveLength(1);
    expect(life.status).toMatchObject({ phase: 'Running', placement: { template: 9000 } });
  });

  test('neither writes its status nor reads Proxmox VE at each per cent', async () => {
    const { life, world } = aLife();
    await passes(life, 5);
    const writes = life.store.statusWrites.length;
    const reads = life.pve.requests.filter((route) => route.includes('/qemu/')).length;
    for (let percent = 2; percent < 100; percent += 1) {
      world.image = downloading(percent);
      await life.pass();
    }
    expect(life.store.statusWrites).toHaveLength(writes);
    // The marks of guests are read again every ten minutes.
    expect(life.pve.requests.filter((route) => route.includes('/qemu/')).length).toBeLessThanOrEqual(
      reads + 1,
    );
  });

  test('is one of twenty that cause one demand, and all are made when it is there', async () => {
    const world = { image: downloading(1) };
    const lives = Array.from(
      { length: 20 },
      () => new Life({ template: MARKED, images: () => [world.image] }),
    );
    for (const life of lives) await passes(life, 3);
    const demands = () =>
      demandsFor(world.image, {
        usersOf: () => lives.flatMap(({ store }) => store.live()?.object ?? []),
        providers: readerOf(aProvider()),
        classes: readerOf(aClass()),
        namespaces: NO_NAMESPACES,
      });
    expect(demands()).toEqual([{ provider: { namespace: 'default', name: 'pve' }, waiting: 20 }]);
    world.image = downloaded();
    for (const life of lives) await life.untilReady();
    expect(demands()).toEqual([]);
  });

  test.each<[string, string | undefined]>([
    ['has lost its mark', undefined],
    ['is that of another object', describeTemplate({ ...MARK, uid: 'uid-of-a-former-object' })],
    ['is that of another installation', describeTemplate({ ...MARK, cluster: 'elsewhere' })],
  ])('is not cloned from a template that %s, whatever status says', async (_what, description) => {
    const template = { ...TEMPLATE_CONFIG, ...(description !== undefined && { description }) };
    const { life, world } = aLife({ template });
    world.image = downloaded();
    await passes(life, 10);
    expect(readyOf(life)).toMatchObject({
      reason: 'ImageNotReady',
      message: expect.stringContaining('template 9000'),
    });
    expect(life.pve.requests.filter((route) => route.startsWith('POST'))).toEqual([]);
  });

  test('is not made of an older file than the spec of the image names', async () => {
    const { life, world } = aLife();
    world.image = downloaded(`sha256:${'cd'.repeat(32)}`);
    await passes(life, 10);
    expect(readyOf(life)?.reason).toBe('ImageNotReady');
    expect(life.status.vmid).toBeUndefined();
  });

  test('is never made again for a newer file, and its guest is not touched', async () => {
    const { life, world } = aLife();
    world.image = downloaded();
    await life.untilReady();
    await passes(life, 20);
    const changes = () => life.pve.requests.filter((route) => !route.startsWith('GET')).length;
    const before = changes();
    const generation = life.status.vmid;
    world.image = downloaded(`sha256:${'cd'.repeat(32)}`);
    await passes(life, 20);
    world.image = downloading(50);
    await passes(life, 20);
    expect(changes()).toBe(before);
    expect(life.status).toMatchObject({ phase: 'Running', vmid: generation });
    expect(readyOf(life)?.status).toBe('True');
  });

  test('says so while the image is being deleted', async () => {
    const { life, world } = aLife();
    world.image = aDownload({}, {}, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    await passes(life, 3);
    expect(readyOf(life)?.message).toContain('VMImage default/ubuntu is being deleted');
  });
});

describe('a VM whose image has a template on another node', () => {
  const HERE = { provider: 'default/pve', checksum: CHECKSUM };
  const onBoth = () =>
    aDownload(
      { checksum: CHECKSUM },
      { templates: [HERE, { ...HERE, vmid: vmid(9001), node: nodeName('pve-2') }] },
    );
  const spec = { placement: { host: nodeName('pve-2') } };
  const posts = (life: Life) => life.pve.requests.filter((route) => route.startsWith('POST'));

  test('waits for one on the node that it has to be on, says so, and is made of that one', async () => {
    const { life, world } = aLife({ vm: { spec } });
    life.pve.localContent = 'iso,import';
    world.image = downloaded();
    await passes(life, 5);
    expect(readyOf(life)).toMatchObject({
      reason: 'ImageNotReady',
      message: expect.stringContaining('node pve-2, which gets a template of VMImage default/ubuntu first'),
    });
    expect(life.status.internal?.templateNode).toBe('pve-2');
    expect(posts(life)).toEqual([]);
    life.pve.add(9001, { ...MARKED, template: '1' }, { node: 'pve-2' });
    world.image = onBoth();
    await life.untilReady();
    expect(life.status).toMatchObject({ node: 'pve-2', placement: { template: 9001 } });
    expect(life.status.internal?.templateNode).toBeUndefined();
  });

  test('is moved there where no template can be made, as before', async () => {
    const { life, world } = aLife({ vm: { spec } });
    world.image = downloaded();
    await life.untilReady();
    expect(life.status).toMatchObject({ node: 'pve-2', placement: { template: 9000 } });
  });

  test('is moved there where the download failed again and again', async () => {
    const { life, world } = aLife({ vm: { spec } });
    life.pve.localContent = 'iso,import';
    const failure = {
      reason: 'TaskFailed',
      message: 'no route to host',
      attempts: 3,
      at: '2026-01-01T00:00:00Z',
      generation: 1,
    };
    world.image = aDownload(
      { checksum: CHECKSUM },
      { templates: [HERE], downloads: [{ node: nodeName('pve-2'), state: 'Downloading', failure }] },
    );
    await life.untilReady();
    expect(life.status).toMatchObject({ node: 'pve-2', placement: { template: 9000 } });
  });

  test('is made at once where the template is, if it may be on any node', async () => {
    const { life, world } = aLife();
    life.pve.localContent = 'iso,import';
    world.image = downloaded();
    await life.untilReady();
    expect(life.status).toMatchObject({ node: 'pve-1', cloneType: 'Linked' });
  });
});
