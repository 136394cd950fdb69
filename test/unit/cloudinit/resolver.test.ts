import { describe, expect, test } from '@jest/globals';
import { resolverIn } from '../../../src/cloudinit/index.ts';

describe('the resolver in a network configuration of Proxmox VE', () => {
  test('is its entry for name servers', () => {
    const text = `version: 1
config:
    - type: physical
      name: eth0
      mac_address: '02:00:00:00:00:10'
      subnets:
      - type: dhcp4
    - type: nameserver
      address:
      - '192.0.2.53'
      - '2001:db8::53'
      search:
      - 'example.com'
`;
    expect(resolverIn(text)).toEqual({ dns: ['192.0.2.53', '2001:db8::53'], search: ['example.com'] });
  });

  test('is in lines of its own where it is written for a config drive', () => {
    const text = `auto lo
iface lo inet loopback

        dns_nameservers 192.0.2.53 192.0.2.54
        dns_search example.com example.net
auto eth0
iface eth0 inet dhcp
`;
    expect(resolverIn(text)).toEqual({
      dns: ['192.0.2.53', '192.0.2.54'],
      search: ['example.com', 'example.net'],
    });
  });

  test.each([
    ['nothing', ''],
    ['an entry without servers', 'version: 1\nconfig:\n    - type: nameserver\n'],
    ['no entries', 'version: 1\nconfig:\n'],
    ['servers that are no addresses', "version: 1\nconfig:\n- type: nameserver\n  address:\n  - 'dns'\n"],
    ['something else', 'version: [\n'],
  ])('is empty for %s', (_what, text) => {
    expect(resolverIn(text)).toEqual({ dns: [], search: [] });
  });
});
