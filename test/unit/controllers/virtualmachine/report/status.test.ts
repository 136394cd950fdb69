import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import type { Plan, Step } from '../../../../../controllers/virtualmachine/model/plan.ts';
import { reportStatus } from '../../../../../controllers/virtualmachine/report/status.ts';
import { VirtualMachine, type VirtualMachineStatus } from '../../../../../src/api/index.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import {
  aClaim,
  aMark,
  aDesiredVm,
  CREATION,
  FOREIGN,
  GONE,
  NOW,
  seen,
  UPID,
} from '../../../../builders/guests.ts';
import { aVirtualMachine, UID } from '../../../../builders/objects.ts';
import { facts, NIC, planOf, type FactsChange } from '../facts.ts';

const STEADY: Plan = { kind: 'steady' };
const act = (step: Step): Plan => ({ kind: 'act', step });
const REFUSE: Plan = { kind: 'refuse', reason: 'Odd', message: 'It is odd.' };
const WAIT: Plan = { kind: 'wait', reason: 'TaskRunning', message: 'It runs.', againMs: 1 };
const MADE = aClaim({ made: true });

interface Case extends FactsChange {
  readonly before?: VirtualMachineStatus;
}

const there = (guest: Parameters<typeof seen>[0] = {}) => ({ claim: MADE, presence: seen(guest) });
const BEFORE: VirtualMachineStatus = {
  vmid: vmid(101),
  node: nodeName('pve-1'),
  cloneType: 'Linked',
  internal: { claimedAt: '2026-03-01T11:00:00.000Z', uuid: UID },
};
const status = ({ before, ...some }: Case) => reportStatus(aVirtualMachine({ status: before }), facts(some));
const phase = (some: Case) => status(some).phase;

describe('the phase', () => {
  const start = act({ do: 'start' });
  test.each<[string, string, Case]>([
    ['Pending', 'nothing was reserved', { plan: act({ do: 'reserve' }) }],
    ['Provisioning', 'a number is reserved', { have: { claim: aClaim() }, plan: WAIT }],
    [
      'Provisioning',
      'the guest is made but does not run yet',
      { have: there({ running: false }), plan: start },
    ],
    [
      'Provisioning',
      'a guest that should be off is still configured',
      { want: aDesiredVm({ power: 'Off' }), have: there({ running: false }), plan: WAIT },
    ],
    ['Running', 'it runs', { have: there() }],
    ['Running', 'it runs and needs a user to act', { have: there(), plan: REFUSE }],
    [
      'Running',
      'it is about to be stopped',
      { want: aDesiredVm({ power: 'Off' }), have: there(), plan: act({ do: 'stop' }) },
    ],
    [
      'Reconfiguring',
      'its configuration is written',
      {
        have: there(),
        plan: act({ do: 'configure', change: { set: { cores: 1 }, delete: [] }, digest: 'd' }),
      },
    ],
    [
      'Stopped',
      'it is off as desired',
      { want: aDesiredVm({ power: 'Off' }), have: there({ running: false }) },
    ],
    [
      'Failed',
      'it cannot be brought to the desired power state',
      { have: there({ running: false }), plan: REFUSE },
    ],
    ['Failed', 'it was made and is not there', { have: { claim: MADE }, plan: REFUSE }],
    ['Failed', 'it cannot be made', { plan: REFUSE }],
    [
      'Deleting',
      'the object is being deleted',
      { want: GONE, have: there(), plan: act({ do: 'shutdown', graceSeconds: 1 }) },
    ],
  ])('is %s when %s', (expected, _when, some) => {
    expect(phase(some)).toBe(expected);
  });
});

describe('the claim in status', () => {
  test('is written with its time when a number is reserved', () => {
    expect(
      status({ started: { kind: 'claim', vmid: vmid(101) }, plan: act({ do: 'reserve' }) }),
    ).toMatchObject({
      vmid: 101,
      internal: { claimedAt: new Date(NOW).toISOString() },
    });
  });

  test('stays through every pass, with what was found out about its guest', () => {
    for (const plan of [STEADY, WAIT, REFUSE, act({ do: 'destroy' })])
      expect(
        status({ before: BEFORE, have: { claim: MADE, presence: { kind: 'absent' } }, plan }),
      ).toMatchObject(BEFORE);
  });

  test('reports with the clone where and how it is made', () => {
    const plan = act({
      do: 'clone',
      vmid: vmid(101),
      creation: { ...CREATION, full: true, node: nodeName('pve-2') },
      name: 'web',
      owner: aMark(),
    });
    const started = { kind: 'task', upid: UPID, type: 'Clone' } as const;
    expect(status({ before: { vmid: vmid(101) }, have: { claim: aClaim() }, plan, started })).toMatchObject({
      vmid: 101,
      node: 'pve-2',
      cloneType: 'Full',
      task: { upid: UPID, type: 'Clone', startedAt: new Date(NOW).toISOString() },
    });
  });

  test('is removed completely when the number is released', () => {
    const left = status({
      before: BEFORE,
      have: { claim: MADE },
      started: { kind: 'claimReleased' },
      plan: act({ do: 'releaseClaim', vmid: vmid(101) }),
    });
    for (const field of Object.keys(BEFORE)) expect(left).not.toHaveProperty(field);
  });

  test('says nothing of a guest that is not ours', () => {
    const reported = status({
      before: { vmid: vmid(101) },
      have: there({ mark: FOREIGN }),
      plan: REFUSE,
      nics: [NIC],
    });
    expect(reported).not.toHaveProperty('internal.uuid');
    expect(reported).not.toHaveProperty('networks');
    expect(reported).not.toHaveProperty('powerState');
  });
});

describe('the task in status', () => {
  const task = { upid: UPID, type: 'Clone', startedAt: '2026-03-01T11:59:00.000Z' };
  const during = (state: 'running' | 'ok' | 'lost') =>
    status({
      before: { ...BEFORE, task },
      have: { claim: MADE, task: { upid: UPID, type: 'Clone', state, ageMs: 1 } },
      plan: WAIT,
    }).task;

  test('stays while it runs and is removed when it ended, with any result', () => {
    expect(during('running')).toEqual(task);
    expect([during('ok'), during('lost')]).toEqual([undefined, undefined]);
  });
});

describe('the cloud-init image in status', () => {
  const volume = 'local:iso/x.iso';
  const withImage: VirtualMachineStatus = { internal: { cloudInit: { mode: 'Image', volume } } };

  test('is named before it is uploaded and forgotten when it is deleted', () => {
    const noted = status({
      have: there(),
      cloudInit: planOf('Image'),
      started: { kind: 'seedRecorded', volume, node: nodeName('pve-1') },
      plan: act({ do: 'recordSeed', volume }),
    });
    expect(noted.internal?.cloudInit).toEqual({ mode: 'Image', volume, node: 'pve-1' });
    const deleted = status({
      want: GONE,
      before: withImage,
      have: { seedVolume: volume },
      started: { kind: 'seedDeleted' },
      plan: act({ do: 'deleteSeed', volume }),
    });
    expect(deleted.internal?.cloudInit).toBeUndefined();
  });

  test('is not forgotten on the way', () => {
    for (const plan of [WAIT, REFUSE, act({ do: 'releaseClaim', vmid: vmid(101) })])
      expect(
        status({ want: GONE, before: withImage, have: { seedVolume: volume }, plan }).internal?.cloudInit,
      ).toEqual({ mode: 'Image', volume });
  });

  test('keeps the mode with which the guest was made', () => {
    expect(
      status({
        before: { internal: { cloudInit: { mode: 'Native' } } },
        have: there(),
        cloudInit: planOf('Image'),
      }).internal?.cloudInit,
    ).toEqual({ mode: 'Native' });
  });
});

describe('addresses in status', () => {
  const networks = [{ device: 'net0', mac: NIC.mac, name: 'lan', ipAddresses: ['10.0.0.5'] }];
  const reported = (some: Case) =>
    status({ before: { ...BEFORE, networks }, nics: [NIC], have: there(), ...some });

  test('are those that the agent reports', () => {
    expect(
      reported({ agent: 'running', addresses: [{ device: 'net0', addresses: ['10.0.0.6'] }] }),
    ).toMatchObject({
      ipAddresses: ['10.0.0.6'],
      networks: [{ device: 'net0', name: 'lan', bridge: 'vmbr0', ipAddresses: ['10.0.0.6'] }],
    });
  });

  test('begin with those of the spec, and keep their order when the guest adds one', () => {
    const staticIP = { address: '10.0.0.9/24', dns: [] };
    const nics = [{ name: 'lan', bridge: 'vmbr0', staticIP }];
    const addresses = [{ device: 'net0', addresses: ['10.0.0.1', '10.0.0.5', '10.0.0.9'] }];
    const agent = 'running';
    expect(reported({ agent, addresses, want: aDesiredVm({ nics }) }).ipAddresses).toEqual([
      '10.0.0.9',
      '10.0.0.5',
      '10.0.0.1',
    ]);
    expect(reported({ agent, addresses }).ipAddresses?.[0]).toBe('10.0.0.5');
  });

  test('are removed when the agent reports none', () => {
    expect(reported({ agent: 'running', addresses: [{ device: 'net0', addresses: [] }] })).not.toHaveProperty(
      'ipAddresses',
    );
  });

  test('stay as they were while the agent is silent or is not asked', () => {
    expect(reported({ agent: 'silent' }).ipAddresses).toEqual(['10.0.0.5']);
    expect(reported({ plan: WAIT }).ipAddresses).toEqual(['10.0.0.5']);
  });

  test('are removed when the VM is off', () => {
    expect(reported({ have: there({ running: false }) })).not.toHaveProperty('ipAddresses');
  });

  test('are listed once though two NICs have the same', () => {
    const nics = [NIC, { ...NIC, device: 'net1', name: 'dmz' }];
    const addresses = ['net0', 'net1'].map((device) => ({ device, addresses: ['10.0.0.5'] }));
    expect(reported({ nics, addresses, agent: 'running' }).ipAddresses).toEqual(['10.0.0.5']);
  });
});

test.each(['Start', 'Migrate', 'GrowDisk'] as const)(
  'a failure of %s, and what was said of it, is gone once nothing is left to do',
  (step) => {
    const failure = { step, message: 'no space', attempts: 2, at: NOW };
    const before = {
      ...BEFORE,
      message: 'It failed.',
      failure: { ...failure, at: '2026-03-01T12:00:00Z', generation: 1 },
    };
    const after = status({ before, have: { ...there(), failure }, plan: STEADY });
    expect(after).not.toHaveProperty('failure');
    expect(after).not.toHaveProperty('message');
    expect(status({ before, have: { ...there(), failure }, plan: REFUSE })).toHaveProperty('failure');
  },
);

test('a failed step on a disk names the disk, with and without a task', () => {
  const plan = act({ do: 'attachDisk', name: 'logs', device: 'scsi2', text: 'fast:0', digest: 'd' });
  const task = { kind: 'task', upid: UPID, type: 'AttachDisk', target: 'logs' } as const;
  expect(status({ have: there(), plan, started: task })).toMatchObject({ task: { target: 'logs' } });
  const refused = { kind: 'failed', step: 'AttachDisk', target: 'logs', message: 'no such image' } as const;
  const { failure } = status({ have: there(), plan, started: refused });
  expect(failure).toMatchObject({ step: 'AttachDisk', target: 'logs' });
});

test('a failure is kept with the generation that failed', () => {
  const failure = { step: 'Clone' as const, message: 'no space', attempts: 2, at: NOW };
  expect(status({ have: { failure }, plan: WAIT }).failure).toEqual({
    ...failure,
    at: new Date(NOW).toISOString(),
    generation: 1,
  });
});

test('the status of a VM with everything fits its schema and stays below 8 KiB', () => {
  const nics = Array.from({ length: 8 }, (_, n) => ({ ...NIC, device: `net${n}`, name: `lan${n}` }));
  const full = status({
    before: BEFORE,
    nics,
    addresses: nics.map(({ device }) => ({
      device,
      addresses: ['192.168.100.100', '2001:db8:1234:5678:9abc:def0:1234:5678'],
    })),
    have: {
      ...there({ pending: [{ key: 'cores', current: '1', pending: '2' }, { key: 'net9' }] }),
      failure: { step: 'GrowDisk', message: 'x'.repeat(1000), attempts: 3, at: NOW },
    },
    consoleURL: 'https://pve.example.com:8006/?console=kvm',
    cloudInit: planOf('Native'),
  });
  expect(VirtualMachine.status.parse(full)).toEqual(full);
  expect(JSON.stringify(full).length).toBeLessThan(8 * 1024);
});

test('the status always fits its schema, or the API server would refuse it', () => {
  const long = fc.string({ unit: 'grapheme', minLength: 1_000, maxLength: 1_100 });
  fc.assert(
    fc.property(long, fc.nat(80), fc.nat(80), (text, nicCount, addressCount) => {
      const nics = Array.from({ length: nicCount }, (_, n) => ({ ...NIC, device: `net${n}` }));
      const addresses = nics.map(({ device }, n) => ({
        device,
        addresses: Array.from({ length: addressCount }, (_each, m) => `10.${n}.${m}.1`),
      }));
      const pending = Array.from({ length: 80 }, () => ({ key: 'cores', current: text, pending: text }));
      const some: Case = {
        nics,
        addresses,
        agent: 'running',
        plan: { kind: 'refuse', reason: 'Odd', message: text },
        have: { ...there({ pending }), failure: { step: 'GrowDisk', message: text, attempts: 1, at: NOW } },
      };
      const written = status(some);
      expect(VirtualMachine.status.parse(written)).toEqual(written);
    }),
    { numRuns: 30 },
  );
});

describe('the digest of the settings that an earlier version recorded', () => {
  const appliedDigest = 'v1:0123456789abcdef';
  const parts = { digests: { tags: 'v2:now' }, recorded: { tags: 'v2:now' }, open: [] };
  const internal = (
    have: FactsChange['have'],
    { edited = false, ...more }: FactsChange & { edited?: boolean } = {},
  ) =>
    reportStatus(
      aVirtualMachine({
        metadata: { generation: 2 },
        status: {
          ...BEFORE,
          observedGeneration: edited ? 1 : 2,
          internal: { ...BEFORE.internal, appliedDigest },
        },
      }),
      facts({ have: { claim: MADE, ...have }, ...more }),
    ).internal;
  const unread = { presence: { kind: 'unknown', message: 'No answer.' } } as const;

  test('is kept until the guest was read once, so that changes made in Proxmox VE stay changes of others', () => {
    expect(internal(unread, { plan: WAIT })).toMatchObject({ appliedDigest });
    const read = internal({ presence: seen(), parts });
    expect(read).toMatchObject({ applied: [{ part: 'tags', digest: 'v2:now' }] });
    expect(read).not.toHaveProperty('appliedDigest');
  });

  test('is dropped where the spec was edited meanwhile, or the VMID is released', () => {
    expect(internal(unread, { plan: WAIT, edited: true })).not.toHaveProperty('appliedDigest');
    expect(internal(unread, { started: { kind: 'claimReleased' } }) ?? {}).not.toHaveProperty(
      'appliedDigest',
    );
    expect(internal({ ...unread, claim: undefined }) ?? {}).not.toHaveProperty('appliedDigest');
  });
});
