import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { cloudInitNics } from '../../../../../controllers/virtualmachine/cloud-init/nics.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import type { DesiredNic } from '../../../../../controllers/virtualmachine/model/desired.ts';
import {
  assignDevices,
  bridgeNamed,
  derivedMac,
  nicChanges,
  nicsOf,
  nicText,
  isSameNic,
} from '../../../../../controllers/virtualmachine/networks/nics.ts';
import { settingsToRecord } from '../../../../../controllers/virtualmachine/networks/settings.ts';
import { resolveNics } from '../../../../../controllers/virtualmachine/networks/resolve.ts';
import { parseNic } from '../../../../../src/pve/index.ts';
import { configured } from '../../../../builders/guest-model.ts';
import { UID } from '../../../../builders/objects.ts';

const lan = (desired: Partial<DesiredNic> = {}): DesiredNic => ({ name: 'lan', bridge: 'vmbr0', ...desired });
const FRESH = 'BC:24:11:00:00:09';

describe('the text of a NIC', () => {
  test('keeps MAC, model and foreign keys when the bridge changes', () => {
    const now = 'e1000=02:00:00:AA:BB:CC,bridge=vmbr0,firewall=1,queues=4';
    expect(nicText(lan({ bridge: 'vmbr7' }), now, FRESH)).toBe(
      'e1000=02:00:00:AA:BB:CC,bridge=vmbr7,firewall=1,queues=4',
    );
  });

  test('keeps the MAC when the model changes', () => {
    expect(nicText(lan({ model: 'virtio' }), 'e1000=02:00:00:AA:BB:CC,bridge=vmbr0', FRESH)).toBe(
      'virtio=02:00:00:AA:BB:CC,bridge=vmbr0',
    );
  });

  test('sets, changes and removes the VLAN', () => {
    const now = 'virtio=02:00:00:AA:BB:CC,bridge=vmbr0,tag=5,firewall=1';
    expect(nicText(lan({ vlan: 7 }), now, FRESH)).toContain('tag=7');
    expect(nicText(lan(), now, FRESH)).toBe('virtio=02:00:00:AA:BB:CC,bridge=vmbr0,firewall=1');
  });

  test('takes the MAC of the spec, in capitals', () => {
    expect(nicText(lan({ mac: '02:00:00:aa:bb:cc' }), undefined, FRESH)).toBe(
      'virtio=02:00:00:AA:BB:CC,bridge=vmbr0',
    );
  });

  test('of a new NIC has a MAC already', () => {
    expect(nicText(lan(), undefined, FRESH)).toBe(`virtio=${FRESH},bridge=vmbr0`);
  });

  test('is understood in the long form too', () => {
    expect(nicText(lan(), 'model=rtl8139,macaddr=02:00:00:AA:BB:CC,bridge=vmbr9', FRESH)).toBe(
      'rtl8139=02:00:00:AA:BB:CC,bridge=vmbr0',
    );
  });

  test('says after a round trip what was desired, and is then left alone', () => {
    const desired = fc.record(
      {
        bridge: fc.constantFrom('vmbr0', 'vnet1'),
        model: fc.constantFrom('virtio', 'e1000e', 'vmxnet3'),
        vlan: fc.integer({ min: 1, max: 4094 }),
      },
      { requiredKeys: ['bridge'] },
    );
    const texts = fc.tuple(
      fc.constantFrom(
        'virtio=02:00:00:AA:BB:CC',
        'model=e1000,macaddr=02:00:00:AA:BB:CC',
        'rtl8139=02:00:00:aa:bb:cc',
      ),
      fc.subarray(['bridge=vmbr3', 'tag=9', 'firewall=1', 'rate=10.5', 'mtu=1', 'link_down=1', 'trunks=1;2']),
    );
    fc.assert(
      fc.property(desired, texts, (desired, [head, rest]) => {
        const before = parseNic([head, ...rest].join(','));
        const text = nicText(lan(desired), [head, ...rest].join(','), FRESH);
        const after = parseNic(text);
        expect(after).toMatchObject({
          mac: before.mac,
          bridge: desired.bridge,
          vlan: desired.vlan,
          model: desired.model ?? before.model,
        });
        for (const key of ['firewall', 'rate', 'mtu', 'link_down', 'trunks'])
          expect(after.properties.find((p) => p.key === key)).toEqual(
            before.properties.find((p) => p.key === key),
          );
        expect(nicText(lan(desired), text, FRESH)).toBe(text);
      }),
    );
  });
});

describe('the settings of a NIC', () => {
  const plain = 'virtio=02:00:00:AA:BB:CC,bridge=vmbr0';
  const full = `${plain},firewall=1,mtu=1,queues=4,rate=10.5,trunks=10;20-30`;
  const all = { mtu: '1', firewall: '1', rate: '10.5', trunks: '10;20-30', link_down: '1' };

  test('come as the spec says', () => {
    expect(nicText(lan({ settings: all }), plain, FRESH)).toBe(
      `${plain},mtu=1,firewall=1,rate=10.5,trunks=10;20-30,link_down=1`,
    );
  });

  test('of a template or of a person stay where the spec says nothing of them', () => {
    expect(nicText(lan(), full, FRESH)).toBe(full);
  });

  test('are removed where the spec says so', () => {
    const off = { firewall: '0', trunks: '', link_down: '0' };
    expect(nicText(lan({ settings: off }), `${full},link_down=1`, FRESH)).toBe(
      `${plain},mtu=1,queues=4,rate=10.5`,
    );
  });

  test('that the spec set are removed when they leave it, and no others', () => {
    expect(nicText(lan(), full, FRESH, ['rate', 'trunks'])).toBe(`${plain},firewall=1,mtu=1,queues=4`);
  });

  test('are remembered while the spec gives them, and after that until they are gone', () => {
    const deliveryStatus = (config: GuestConfig, recorded: readonly string[], desired?: DesiredNic) =>
      settingsToRecord('net0', desired, { config, recorded });
    expect(deliveryStatus({ net0: plain }, [], lan({ settings: { rate: '5' } }))).toEqual(['rate']);
    expect(deliveryStatus({ net0: full }, ['rate', 'link_down'], lan())).toEqual(['rate']);
    expect(deliveryStatus({ net0: plain }, ['rate'], lan())).toEqual([]);
    expect(deliveryStatus({ net0: full }, [], lan())).toEqual([]);
  });

  test('are what the spec says, in the words of Proxmox VE', () => {
    const settingsOf = (network: Parameters<typeof resolveNics>[0]) => {
      const resolved = resolveNics(network, undefined);
      return resolved.ok ? resolved.desired?.map(({ model, settings }) => ({ model, settings })) : undefined;
    };
    expect(
      settingsOf([
        { name: 'lan', mtu: 9000, firewall: false, rateLimit: 12.5, trunks: ['10', '20-30'], linkDown: true },
        { name: 'dmz', model: 'e1000' },
      ]),
    ).toEqual([
      {
        model: 'virtio',
        settings: { mtu: '9000', firewall: '0', rate: '12.5', trunks: '10;20-30', link_down: '1' },
      },
      { model: 'e1000' },
    ]);
  });
});

test.each([
  [
    'virtio=02:00:00:AA:BB:CC,bridge=vmbr0,firewall=1',
    'virtio=02:00:00:aa:bb:cc,firewall=1,bridge=vmbr0',
    true,
  ],
  ['virtio=02:00:00:AA:BB:CC,firewall=0,link_down=0', 'virtio=02:00:00:AA:BB:CC', true],
  ['virtio=02:00:00:AA:BB:CC,rate=10.50', 'virtio=02:00:00:AA:BB:CC,rate=10.5', true],
  ['virtio=02:00:00:AA:BB:CC,trunks=20;10', 'virtio=02:00:00:AA:BB:CC,trunks=10;20', true],
  ['virtio=02:00:00:AA:BB:CC,firewall=1', 'virtio=02:00:00:AA:BB:CC', false],
  ['model=virtio,macaddr=02:00:00:AA:BB:CC,bridge=vmbr0', 'virtio=02:00:00:AA:BB:CC,bridge=vmbr0', true],
  ['virtio=02:00:00:AA:BB:CC,bridge=vmbr0', 'virtio=02:00:00:AA:BB:CD,bridge=vmbr0', false],
  ['virtio=02:00:00:AA:BB:CC,bridge=vmbr0', 'virtio=02:00:00:AA:BB:CC,bridge=vmbr0,tag=1', false],
  ['virtio=02:00:00:AA:BB:CC,bridge=vmbr0', 'e1000=02:00:00:AA:BB:CC,bridge=vmbr0', false],
])('%s and %s say the same: %s', (a, b, same) => {
  expect(isSameNic(a, b)).toBe(same);
});

describe('devices', () => {
  test('are given in the order of the spec', () => {
    expect([...assignDevices(['lan', 'dmz'], new Map())]).toEqual([
      ['lan', 'net0'],
      ['dmz', 'net1'],
    ]);
  });

  test('stay with their network when another is removed, added before or put in another order', () => {
    const recorded = new Map([
      ['lan', 'net0'],
      ['dmz', 'net1'],
      ['mgmt', 'net2'],
    ]);
    expect([...assignDevices(['mgmt', 'new', 'dmz'], recorded)]).toEqual([
      ['mgmt', 'net2'],
      ['new', 'net0'],
      ['dmz', 'net1'],
    ]);
  });

  test('never belong to two networks, and end at net31', () => {
    const names = fc.uniqueArray(
      fc.integer({ min: 0, max: 40 }).map((n) => `n${n}`),
      { maxLength: 34 },
    );
    fc.assert(
      fc.property(names, names, (before, now) => {
        const recorded = assignDevices(before, new Map());
        const assigned = assignDevices(now, recorded);
        expect(new Set(assigned.values()).size).toBe(assigned.size);
        expect(assigned.size).toBe(Math.min(now.length, 32));
        for (const name of now)
          if (recorded.has(name) && assigned.has(name)) expect(assigned.get(name)).toBe(recorded.get(name));
      }),
    );
  });

  test('are listed by number, not by letter', () => {
    const config = Object.fromEntries(
      ['net10', 'net2', 'net0', 'netx'].map((key) => [key, 'virtio=02:00:00:AA:BB:CC,bridge=v']),
    );
    expect(nicsOf(config).map(({ device }) => device)).toEqual(['net0', 'net2', 'net10']);
  });
});

describe('a MAC of our own making', () => {
  test('is always the same for an object and a device', () => {
    expect(derivedMac(UID, 'net1')).toBe(derivedMac(UID, 'net1'));
    expect(derivedMac(UID, 'net1')).toMatch(/^02(:[0-9A-F]{2}){5}$/);
  });

  test('differs between the devices of an object', () => {
    const macs = Array.from({ length: 32 }, (_, n) => derivedMac(UID, `net${n}`));
    expect(new Set(macs).size).toBe(32);
  });
});

describe('changes to NICs', () => {
  const config: GuestConfig = {
    net0: 'virtio=02:00:00:00:00:01,bridge=vmbr0',
    net1: 'virtio=02:00:00:00:00:02,bridge=vmbr1',
    net2: 'virtio=02:00:00:00:00:03,bridge=vmbr2',
  };
  const devices = new Map([['lan', 'net0']]);

  test('remove only what is surplus and there', () => {
    expect(
      nicChanges([lan()], config, UID, { devices, surplus: ['net0', 'net2', 'net9'], recorded: new Map() }),
    ).toEqual({
      set: {},
      delete: ['net2'],
    });
  });

  test('leave nothing to change once they were made', () => {
    const desired = [lan({ bridge: 'vmbr5', vlan: 3 }), { name: 'new', bridge: 'vmbr1' }];
    const where = {
      devices: new Map([
        ['lan', 'net0'],
        ['new', 'net3'],
      ]),
      surplus: ['net1'],
      recorded: new Map(),
    };
    const { set, delete: gone } = nicChanges(desired, config, UID, where);
    const after = configured(101, config, set, gone);
    expect(Object.keys(after).toSorted()).toEqual(['net0', 'net2', 'net3']);
    expect(nicChanges(desired, after, UID, where)).toEqual({ set: {}, delete: [] });
  });
});

test('mac-kept-on-bridge-change: a NIC that is changed keeps its MAC, and no other NIC is written', () => {
  const config: GuestConfig = {
    net0: 'virtio=BC:24:11:00:00:01,bridge=vmbr0,queues=4',
    net1: 'virtio=BC:24:11:00:00:02,bridge=vmbr1,queues=2',
  };
  const where = {
    devices: new Map([
      ['lan', 'net0'],
      ['dmz', 'net1'],
    ]),
    surplus: ['net0', 'net1'],
    recorded: new Map(),
  };
  const desired = [lan({ bridge: 'vnet7', vlan: 12 }), { name: 'dmz', bridge: 'vmbr1' }];
  expect(nicChanges(desired, config, UID, where)).toEqual({
    set: { net0: 'virtio=BC:24:11:00:00:01,bridge=vnet7,queues=4,tag=12' },
    delete: [],
  });
});

test('both families of a network reach cloud-init, each with its gateway', () => {
  const context = { uid: UID, devices: new Map([['lan', 'net0']]), config: {} };
  const both = lan({
    staticIP: { address: '192.0.2.9/24', gateway: '192.0.2.1', dns: ['192.0.2.53'] },
    ipv6: { address: '2001:db8::9/64', gateway: 'fe80::1' },
  });
  expect(cloudInitNics([both], context)).toEqual([
    expect.objectContaining({
      dhcp4: false,
      addresses: ['192.0.2.9/24', '2001:db8::9/64'],
      gateway4: '192.0.2.1',
      gateway6: 'fe80::1',
    }),
  ]);
  expect(cloudInitNics([lan({ ipv6: { address: 'auto' } })], context)).toEqual([
    expect.objectContaining({ dhcp4: true, ipv6: 'auto', addresses: [] }),
  ]);
});

describe('the bridge of a network', () => {
  test.each([
    ['lan', 'vmbr0'],
    ['default', 'vmbr0'],
    ['dmz', 'vmbr1'],
    ['mgmt', 'vmbr2'],
    ['management', 'vmbr2'],
    ['vmbr17', 'vmbr17'],
    ['storage', undefined],
    ['constructor', undefined],
  ])('%s is %s', (name, bridge) => {
    expect(bridgeNamed(name)).toBe(bridge);
  });

  test('is the one given, else that of its name, else the default of the Provider', () => {
    const bridgeOf = (network: { name: string; bridge?: string }, fallback?: string) => {
      const resolved = resolveNics([network], fallback);
      return resolved.ok ? resolved.desired?.[0]?.bridge : resolved.reason;
    };
    expect(bridgeOf({ name: 'lan', bridge: 'vnet1' }, 'vmbr9')).toBe('vnet1');
    expect(bridgeOf({ name: 'lan' }, 'vmbr9')).toBe('vmbr0');
    expect(bridgeOf({ name: 'storage' }, 'vmbr9')).toBe('vmbr9');
    expect(bridgeOf({ name: 'storage' })).toBe('NetworkUnknown');
  });

  test('is not resolved where the spec has no networks', () => {
    expect(resolveNics(undefined, undefined)).toEqual({ ok: true, desired: undefined });
    expect(resolveNics([], undefined)).toEqual({ ok: true, desired: [] });
  });
});

describe('queues of a NIC', () => {
  const NOW = 'virtio=02:00:00:AA:BB:CC,bridge=vmbr0,queues=4';

  test('follow the spec, stay where it says nothing, and imply the model that has them', () => {
    expect(nicText(lan({ settings: { queues: '8' } }), NOW, FRESH)).toContain('queues=8');
    expect(nicText(lan({ settings: { queues: '0' } }), NOW, FRESH)).not.toContain('queues');
    expect(nicText(lan(), NOW, FRESH)).toContain('queues=4');
    expect(resolveNics([{ name: 'lan', queues: 4 }], undefined)).toMatchObject({
      desired: [{ model: 'virtio', settings: { queues: '4' } }],
    });
  });

  test('are removed once they leave the spec', () => {
    expect(nicText(lan(), NOW, FRESH, ['queues'])).not.toContain('queues');
  });
});
