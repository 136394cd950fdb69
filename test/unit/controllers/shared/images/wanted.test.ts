import { describe, expect, test } from '@jest/globals';
import {
  downloadedIso,
  isIsoDownload,
  progressOf,
  wantedTemplates,
  type SeenFrom,
  type WantedImage,
} from '../../../../../controllers/shared/images/wanted.ts';
import { nodeName } from '../../../../../src/lib/units.ts';
import { aDownload, anImage, type DownloadedStatus } from '../../../../builders/objects.ts';

const SUM = `sha256:${'AB'.repeat(32)}`;
const OTHER_SUM = `sha256:${'cd'.repeat(32)}`;
const FROM: SeenFrom = {
  clusterId: 'c1',
  namespace: 'default',
  isInCluster: (provider) => provider === 'default/pve',
};
const ready = { checksum: SUM };
type Templates = NonNullable<DownloadedStatus['templates']>;

const madeOf = (templates: Templates, checksum?: string) => {
  const wanted = wantedTemplates(aDownload({ checksum }, { templates }), FROM);
  return wanted && 'made' in wanted ? wanted.made : 'none of a download';
};

describe('the templates of a VMImage', () => {
  test.each<[string, Templates, string | undefined, readonly number[]]>([
    ['is ready', [ready], undefined, [9000]],
    ['has the checksum of the spec, in whatever case', [ready], SUM.toLowerCase(), [9000]],
    ['has another checksum', [ready], OTHER_SUM, []],
    ['has none, and the spec names one', [{ ...ready, checksum: undefined }], SUM, []],
    ['was made of another file', [{ ...ready, file: 'another.qcow2' }], SUM, []],
    ['is not made yet', [{ ...ready, state: 'Reserved' }], undefined, []],
    ['is being deleted', [{ ...ready, state: 'Deleting' }], undefined, []],
    ['is in another PVE cluster', [{ ...ready, provider: 'other/pve' }], undefined, []],
  ])('are those of which one %s', (_what, templates, checksum, expected) => {
    expect(madeOf(templates, checksum)).toEqual(expected);
  });

  test('are named by the spec where nothing is downloaded', () => {
    expect(wantedTemplates(anImage(), FROM)).toEqual({ vmid: 9000 });
    expect(wantedTemplates(anImage({ iso: 'local:iso/a.iso' }), FROM)).toBeUndefined();
    const tagged: WantedImage = { ...anImage(), spec: { sourceTag: 'golden' } };
    expect(wantedTemplates(tagged, FROM)).toEqual({ tag: 'golden' });
  });
});

test.each<[{ url: string; format?: 'iso' | 'raw' }, boolean]>([
  [{ url: 'https://a.example/debian.iso' }, true],
  [{ url: 'https://a.example/debian.ISO.zst?x=1' }, true],
  [{ url: 'https://a.example/debian.img' }, false],
  [{ url: 'https://a.example/latest', format: 'iso' }, true],
  [{ url: 'https://a.example/debian.iso', format: 'raw' }, false],
])('the download %j is an ISO image: %s', (download, expected) => {
  expect(isIsoDownload(download)).toBe(expected);
  expect(wantedTemplates(aDownload(download), FROM) === undefined).toBe(expected);
});

describe('an ISO image that is downloaded', () => {
  const url = 'https://images.example/debian.iso';
  const found = (downloads: DownloadedStatus['downloads'], node?: string) =>
    downloadedIso(aDownload({ url }, { downloads: downloads ?? [] }), { ...FROM, node });
  const volume = found([{}]);
  const other = { node: nodeName('pve-2'), storage: 'nfs', volume: volume?.replace('local', 'nfs') ?? '' };

  test('is the one of the node, or else any', () => {
    expect(volume).toMatch(/^local:iso\/virtrigaud-[0-9a-f]{12}-[0-9a-f]{8}-debian\.iso$/);
    expect(found([{}, other], 'pve-2')).toBe(other.volume);
    expect(found([{}, other])).toBe(volume);
  });

  test.each<[string, NonNullable<DownloadedStatus['downloads']>[number]]>([
    ['is still downloaded', { state: 'Downloading' }],
    ['is in another PVE cluster', { provider: 'other/pve' }],
    ['is no file of a download, whatever status says', { volume: 'local:iso/virtrigaud-101-seed.iso' }],
    ['is that of another VMImage', { volume: 'local:iso/virtrigaud-0123456789ab-01234567-debian.iso' }],
    ['is another volume', { volume: 'local-lvm:vm-101-disk-0' }],
  ])('is none that %s', (_what, change) => expect(found([change])).toBeUndefined());
});

describe('how far an image is', () => {
  const because = (message: string): NonNullable<WantedImage['status']> => ({
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
  const said = (message: string, namespace = 'default') =>
    progressOf(aDownload({}, because(message)), namespace);

  test.each(['Downloading, 12 % done.', 'Downloading, 99.5% done.', 'Downloading (3 %).', 'Downloading.'])(
    'is the same sentence at any per cent: %s',
    (message) => {
      expect(said(message)).toBe('VMImage default/ubuntu is not ready (Downloading): Downloading.');
    },
  );

  test('is read in full by its own namespace only', () => {
    expect(said('https://token@intern.example does not answer.', 'team-a')).toBe(
      'VMImage default/ubuntu is not ready (Downloading). Its condition Ready says why; reconciliation resumes by itself.',
    );
  });
});
