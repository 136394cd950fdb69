import { describe, expect, test } from '@jest/globals';
import {
  downloadedIso,
  isIsoDownload,
  progressOf,
  wantedTemplates,
  type SeenFrom,
  type WantedImage,
} from '../../../../../controllers/shared/images/wanted.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { aDownload, anImage } from '../../../../builders/objects.ts';

const FROM: SeenFrom = {
  clusterId: 'c1',
  namespace: 'default',
  isInCluster: (provider) => provider === 'default/pve',
};
const ready = { provider: 'default/pve', vmid: vmid(9000), checksum: 'sha256:AB', state: 'Ready' } as const;
type Templates = NonNullable<NonNullable<WantedImage['status']>['templates']>;

const madeOf = (templates: Templates, checksum?: string) => {
  const wanted = wantedTemplates(aDownload({ checksum }, { templates }), FROM);
  return wanted && 'made' in wanted ? wanted.made : 'none of a download';
};

describe('the templates of a VMImage', () => {
  test.each<[string, Templates, string | undefined, readonly number[]]>([
    ['is ready', [ready], undefined, [9000]],
    ['has the checksum of the spec, in whatever case', [ready], 'SHA256:ab', [9000]],
    ['has another checksum', [ready], 'sha256:cd', []],
    ['has none, and the spec names one', [{ ...ready, checksum: undefined }], 'sha256:ab', []],
    ['is not made yet', [{ ...ready, state: 'Creating' }], undefined, []],
    ['is being deleted', [{ ...ready, state: 'Deleting' }], undefined, []],
    ['is in another PVE cluster', [{ ...ready, provider: 'other/pve' }], undefined, []],
  ])('are those of which one %s', (_what, templates, checksum, expected) => {
    expect(madeOf(templates, checksum)).toEqual(expected);
  });

  test('are named by the spec where nothing is downloaded', () => {
    expect(wantedTemplates(anImage(), FROM)).toEqual({ vmid: 9000 });
    expect(wantedTemplates(anImage({ iso: 'local:iso/a.iso' }), FROM)).toBeUndefined();
    const tagged: WantedImage = { metadata: anImage().metadata, spec: { sourceTag: 'golden' } };
    expect(wantedTemplates(tagged, FROM)).toEqual({ tag: 'golden' });
  });
});

test.each([
  [{ url: 'https://a.example/debian.iso' }, true],
  [{ url: 'https://a.example/debian.ISO.xz?x=1' }, true],
  [{ url: 'https://a.example/debian.img' }, false],
  [{ url: 'https://a.example/latest', format: 'iso' }, true],
  [{ url: 'https://a.example/debian.iso', format: 'raw' }, false],
])('the download %j is an ISO image: %s', (download, expected) => {
  expect(isIsoDownload(download)).toBe(expected);
  expect(wantedTemplates(aDownload(download), FROM) === undefined).toBe(expected);
});

describe('an ISO image that is downloaded', () => {
  const VOLUME = 'local:iso/virtrigaud-0123456789ab-debian.iso';
  const file = { provider: 'default/pve', node: 'pve-1', volume: VOLUME, state: 'Downloaded' };
  const found = (change: Partial<typeof file>, node?: string) =>
    downloadedIso(aDownload({}, { downloads: [file, { ...file, ...change }] }), { ...FROM, node });

  test('is the one of the node, or else any', () => {
    const other = 'nfs:iso/virtrigaud-0123456789ab-debian.iso';
    expect(found({ node: 'pve-2', volume: other }, 'pve-2')).toBe(other);
    expect(found({ node: 'pve-2', volume: other })).toBe(VOLUME);
  });

  test.each([
    ['is still downloaded', { state: 'Downloading' }],
    ['is in another PVE cluster', { provider: 'other/pve' }],
    ['is no file of a download, whatever status says', { volume: 'local:iso/virtrigaud-101-seed.iso' }],
    ['is another volume', { volume: 'local-lvm:vm-101-disk-0' }],
  ])('is none that %s', (_what, change) => {
    const downloads = [{ ...file, ...change }];
    expect(downloadedIso(aDownload({}, { downloads }), { ...FROM, node: undefined })).toBeUndefined();
  });
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
