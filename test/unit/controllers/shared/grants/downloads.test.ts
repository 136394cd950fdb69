import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { downloadNotGranted, mayDownload } from '../../../../../controllers/shared/grants/downloads.ts';
import { Provider } from '../../../../../src/api/index.ts';
import { aGrant } from '../../../../builders/objects.ts';

const may = (downloads: readonly string[], url: string): boolean => mayDownload({ downloads }, url);
const ENTRY = 'https://a.example/images/';

describe('what may be downloaded', () => {
  test('is every URL in the namespace of the Provider, and none elsewhere unless it is granted', () => {
    expect(mayDownload(aGrant(), 'https://anywhere.example/a.qcow2')).toBe(true);
    expect(mayDownload(aGrant({ namespaces: { names: ['*'] } }), 'https://anywhere.example/a.qcow2')).toBe(
      false,
    );
  });

  test.each([
    'https://a.example/images/debian.qcow2',
    'https://A.EXAMPLE/images/debian.qcow2',
    'https://a.example:443/images/12/debian.qcow2?version=1',
    'https://a.example/images/x/../debian.qcow2',
    'https://a.example/images/debian%2012.qcow2',
  ])('is %s, which is below what is granted', (url) => {
    expect(may([ENTRY], url)).toBe(true);
  });

  test.each([
    ['has what is granted as a user name', 'https://a.example@evil.example/images/a.qcow2'],
    ['has what is granted as name and password', 'https://a.example:443@evil.example/images/a.qcow2'],
    ['has a name, although the host is granted', 'https://me:secret@a.example/images/a.qcow2'],
    ['leaves the path', 'https://a.example/images/../private/a.qcow2'],
    ['leaves the path with encoded dots', 'https://a.example/images/%2e%2e/private/a.qcow2'],
    ['leaves the path behind an encoded slash', 'https://a.example/images/..%2fprivate/a.qcow2'],
    ['leaves the path behind an encoded backslash', 'https://a.example/images/..%5Cprivate/a.qcow2'],
    ['leaves the path behind two encodings', 'https://a.example/images/%252e%252e%252fprivate/a.qcow2'],
    ['leaves the path with a backslash', 'https://a.example/images/..\\private\\a.qcow2'],
    ['has an encoding that nobody can read', 'https://a.example/images/%ff%fe'],
    ['is of a host whose name only begins alike', 'https://a.example.evil.example/images/a.qcow2'],
    ['is of another port', 'https://a.example:8443/images/a.qcow2'],
    ['is of another scheme', 'http://a.example/images/a.qcow2'],
    ['is no URL of a web server', 'file:///images/a.qcow2'],
    ['is no URL', 'a.example/images/a.qcow2'],
    ['has the path in its fragment', 'https://a.example/#/images/a.qcow2'],
  ])('is no URL that %s', (_what, url) => {
    expect(may([ENTRY], url)).toBe(false);
  });

  test('ends where a part of the path does', () => {
    const entry = 'https://a.example/images';
    expect(may([entry], 'https://a.example/images')).toBe(true);
    expect(may([entry], 'https://a.example/images/a.qcow2')).toBe(true);
    expect(may([entry], 'https://a.example/images-of-others/a.qcow2')).toBe(false);
  });

  test('is never a file of another host, or outside the path, however the URL is written', () => {
    const part = fc.constantFrom(
      '..',
      '.',
      'images',
      '%2e%2e',
      '..%2f',
      '%2f',
      '\\',
      '@',
      'a.example',
      ':443',
      '//',
      '?',
      '#',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const url = `https://${parts.join('/')}`;
        if (!may([ENTRY], url)) return;
        const { origin, pathname, username } = new URL(url);
        expect({ origin, username }).toEqual({ origin: 'https://a.example', username: '' });
        expect(pathname).toMatch(/^\/images\//);
        expect(decodeURIComponent(pathname).split('/')).not.toContain('..');
      }),
    );
  });

  test('that is refused names the field and whom to ask, and not the URL', () => {
    expect(downloadNotGranted(aGrant({ namespaces: { names: ['*'] } }))).toBe(
      'VMImages of namespace default may not download from this URL to Provider infra/pve. Correct spec.download.url, or ask the owner of Provider infra/pve to grant it (spec.grants[].downloads).',
    );
  });
});

test.each([
  ['https://a.example/', true],
  ['https://a.example:8443/images/debian-12', true],
  ['http://[2001:db8::1]/', true],
  ['https://', false],
  ['https://a.example', false],
  ['https://user@a.example/', false],
  ['https://a.example/?x=', false],
  ['ftp://a.example/', false],
])('an entry %s of downloads is valid: %s', (entry, valid) => {
  const spec = { type: 'proxmox', grants: [{ namespaces: { names: ['a'] }, downloads: [entry] }] };
  expect(Provider.spec.safeParse(spec).success).toBe(valid);
});
