import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { parse } from 'yaml';
import { byImage, byProxmox, guestData, type Files } from '../../builders/guest-data.ts';

type Settings = Readonly<Record<string, unknown>>;
const read = (text: string): Settings => (parse(text, { version: '1.1' }) as Settings | null) ?? {};

/** What applies in the guest: vendor-data below the user-data, and the name of the meta-data below both. */
function settingsIn({ user, vendor, meta }: Files): Settings {
  const { 'local-hostname': name = '' } = read(meta) as { readonly 'local-hostname'?: string };
  const all: Settings = { hostname: name.split('.')[0], fqdn: name, ...read(vendor), ...read(user) };
  return { ...all, package_upgrade: all['package_upgrade'] === true };
}

describe('the drive of Proxmox VE and an image mean the same', () => {
  test('for every guest whose data the drive can express', () => {
    fc.assert(
      fc.property(guestData, (data) => {
        const [pve, image] = [byProxmox(data), byImage(data)];
        expect(read(image.network)).toEqual(read(pve.network));
        expect(settingsIn(image)).toEqual(settingsIn(pve));
      }),
      { numRuns: 50 },
    );
  });
});
