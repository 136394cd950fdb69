import { describe, expect, test } from '@jest/globals';
import { gatewaysIgnored } from '../../../../../controllers/virtualmachine/networks/gateways.ts';
import type { DesiredNic } from '../../../../../controllers/virtualmachine/model/desired.ts';

const aNic = (name: string, gateways: { readonly v4?: string; readonly v6?: string } = {}): DesiredNic => ({
  name,
  bridge: 'vmbr0',
  staticIP: { address: '192.0.2.9/24', dns: [], ...(gateways.v4 !== undefined && { gateway: gateways.v4 }) },
  ...(gateways.v6 !== undefined && { ipv6: { address: '2001:db8::9/64', gateway: gateways.v6 } }),
});

describe('several default gateways', () => {
  test('of one family are reported with the names of their networks', () => {
    const [sentence, ...others] = gatewaysIgnored([
      aNic('lan', { v4: '192.0.2.1' }),
      aNic('dmz'),
      aNic('mgmt', { v4: '198.51.100.1' }),
    ]);
    expect(sentence).toMatch(/^The networks lan, mgmt each have an IPv4 gateway\. .* Remove the gateway/);
    expect(others).toEqual([]);
  });

  test('of different families are not reported', () => {
    expect(gatewaysIgnored([aNic('lan', { v4: '192.0.2.1' }), aNic('dmz', { v6: 'fe80::1' })])).toEqual([]);
    const six: DesiredNic = {
      name: 'mgmt',
      bridge: 'vmbr0',
      staticIP: { address: '2001:db8::7/64', dns: [], gateway: 'fe80::2' },
    };
    expect(gatewaysIgnored([aNic('dmz', { v6: 'fe80::1' }), six])).toEqual([
      expect.stringContaining('dmz, mgmt each have an IPv6'),
    ]);
  });

  test('cannot be where there are no networks', () => {
    expect(gatewaysIgnored(undefined)).toEqual([]);
  });
});
