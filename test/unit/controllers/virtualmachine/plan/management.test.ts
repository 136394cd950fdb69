import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { withheldMessage } from '../../../../../controllers/virtualmachine/plan/management.ts';
import { plan } from '../../../../../controllers/virtualmachine/plan/plan.ts';
import { desired, worldsWith } from '../../../../builders/arbitrary-worlds.ts';
import { aClaim, aDesiredVm, observed, seen } from '../../../../builders/guests.ts';
import { Life } from '../../../../builders/life.ts';
import { aClass, UID, type VirtualMachineChange } from '../../../../builders/objects.ts';
import { run } from '../../../../builders/planner-run.ts';

const restrained = worldsWith(
  fc
    .tuple(desired, fc.constantFrom('ObserveOnly' as const, 'CreateOnly' as const))
    .map(([digests, restraint]) => ({ ...digests, restraint })),
);

describe('a plan under restraint', () => {
  test('never changes anything in Proxmox VE, in any observed state', () => {
    fc.assert(
      fc.property(restrained, (world) => {
        const { steps, end } = run(world);
        for (const { step } of steps) expect(['reserve', 'releaseClaim']).toContain(step.do);
        for (const { step } of steps) if (step.do === 'reserve') expect(step.vmid).toBeDefined();
        expect(end.guest?.config).toEqual(world.guest?.config);
        expect(end.volumes).toEqual(world.volumes);
      }),
      { numRuns: 300 },
    );
  });

  test('reports all that it would do, and no value, which might be a secret', () => {
    const change = { set: { cipassword: 'hunter2', cores: 4 }, delete: ['vcpus'] };
    const have = observed({ claim: aClaim({ made: true }), presence: seen({ running: false }), change });
    const next = plan(aDesiredVm({ restraint: 'ObserveOnly' }), have);
    expect(next).toMatchObject({ kind: 'withheld', by: 'ObserveOnly' });
    const message = next.kind === 'withheld' ? withheldMessage(next) : '';
    expect(message).toBe(
      'managementPolicy is ObserveOnly, so the operator changes nothing. To match the spec, it would: change cipassword, cores, vcpus; start the VM.',
    );
  });
});

const readyOf = ({ status }: Life) => {
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  return `${ready?.status} ${ready?.reason}`;
};
const syncedOf = ({ status }: Life) => {
  const synced = status.conditions?.find(({ type }) => type === 'Synced');
  return `${synced?.status} ${synced?.reason}`;
};

async function passes(life: Life, count: number): Promise<void> {
  for (let pass = 0; pass < count; pass += 1) await life.pass();
}

const changing = ({ pve }: Life): readonly string[] =>
  pve.requests.filter((route) => !route.startsWith('GET'));
const web = (spec: VirtualMachineChange['spec'] = {}) => new Life({ vm: { spec } });

describe('a VirtualMachine that is only observed', () => {
  test('is not created', async () => {
    const life = web({ managementPolicy: 'ObserveOnly' });
    await passes(life, 10);
    expect(life.pve.guests.size).toBe(1);
    expect(readyOf(life)).toBe('False ObserveOnly');
    expect(life.status.message).toContain('create a VM');
    await life.delete();
    expect(changing(life)).toEqual([]);
  });

  test('is reported after every change, and not changed until the policy allows it', async () => {
    let cpus = 2;
    const life = new Life({ vmClass: () => aClass({ cpus }) });
    await life.untilReady();
    await passes(life, 20);
    life.store.editSpec({ managementPolicy: 'ObserveOnly' });
    await passes(life, 3);
    expect([readyOf(life), syncedOf(life)]).toEqual(['True Reconciled', 'True ObserveOnly']);
    const before = changing(life).length;
    cpus = 4;
    await passes(life, 5);
    expect([readyOf(life), syncedOf(life)]).toEqual(['True Reconciled', 'False ObserveOnly']);
    expect(life.status.message).toContain('vcpus');
    life.pve.guestsOf(UID)[0]!.running = false;
    await passes(life, 5);
    expect(readyOf(life)).toBe('False ObserveOnly');
    expect(life.status).toMatchObject({ phase: 'Stopped', powerState: 'Off' });
    expect(changing(life)).toHaveLength(before);
    life.store.editSpec({ managementPolicy: 'Full' });
    await life.untilReady();
    expect(life.pve.guestsOf(UID)[0]).toMatchObject({ running: true, inForce: { vcpus: '4' } });
  });

  test('rests without a request although it differs', async () => {
    const life = web();
    await life.untilReady();
    await passes(life, 20);
    life.store.editSpec({ managementPolicy: 'ObserveOnly', powerState: 'Off' });
    await passes(life, 10);
    const [requests, writes] = [life.pve.requests.length, life.store.statusWrites.length];
    for (let pass = 0; pass < 5; pass += 1) await life.process.pass();
    expect(life.pve.requests).toHaveLength(requests);
    expect(life.store.statusWrites).toHaveLength(writes);
  });

  test('is deleted without its guest, which keeps everything', async () => {
    const life = web();
    await life.untilReady();
    life.store.editSpec({ managementPolicy: 'ObserveOnly' });
    const guest = life.pve.guestsOf(UID)[0]!;
    const { config, digest } = guest;
    await life.delete();
    expect(life.pve.guests.get(guest.vmid)).toMatchObject({ config, digest, running: true });
    expect(life.process.events.at(-1)?.reason).toBe('Retained');
  });
});

describe('a VirtualMachine that is only created', () => {
  test('is made as in full, and then reported only: size, power and all', async () => {
    let cpus = 2;
    const life = new Life({
      vm: { spec: { managementPolicy: 'CreateOnly' } },
      vmClass: () => aClass({ cpus }),
    });
    await life.untilReady();
    expect(life.pve.guestsOf(UID)[0]).toMatchObject({ running: true, config: { vcpus: '2' } });
    await passes(life, 20);
    const before = changing(life).length;
    cpus = 4;
    life.pve.guestsOf(UID)[0]!.running = false;
    await passes(life, 10);
    expect([readyOf(life), syncedOf(life)]).toEqual(['False CreateOnly', 'False CreateOnly']);
    expect(changing(life)).toHaveLength(before);
    await life.delete();
    expect([...life.pve.guests.keys()]).toEqual([9000]);
  });

  test('that should be off is complete without a start', async () => {
    const life = web({ managementPolicy: 'CreateOnly', powerState: 'Off' });
    await life.untilReady();
    await passes(life, 3);
    life.store.editSpec({ powerState: 'On' });
    await passes(life, 10);
    expect(readyOf(life)).toBe('False CreateOnly');
    expect(life.pve.guestsOf(UID)[0]?.running).toBe(false);
  });

  test('is complete too if it was so before the policy was set', async () => {
    const life = web();
    await life.untilReady();
    await passes(life, 3);
    life.store.editSpec({ managementPolicy: 'CreateOnly', powerState: 'Off' });
    await passes(life, 10);
    expect(life.pve.guestsOf(UID)[0]?.running).toBe(true);
  });
});

describe('a VirtualMachine that is paused', () => {
  test('costs no request, and is reconciled at once when it is resumed', async () => {
    const life = web();
    await life.until(() => life.status.vmid !== undefined);
    life.store.editSpec({ managementPolicy: 'Paused' });
    await life.process.pass();
    const before = life.pve.requests.length;
    for (let pass = 0; pass < 5; pass += 1) await life.process.pass();
    expect(life.pve.requests).toHaveLength(before);
    expect(readyOf(life)).toBe('Unknown ManagementPaused');
    expect(life.conditions).not.toHaveProperty('Reconciling');
    life.store.editSpec({ managementPolicy: 'Full' });
    await life.untilReady();
    expect(life.pve.guestsOf(UID)).toHaveLength(1);
  });

  test.each([
    ['Full', 1],
    ['ObserveOnly', 2],
  ] as const)('waits with its deletion until the policy is %s', async (managementPolicy, guests) => {
    const life = web();
    await life.untilReady();
    life.store.editSpec({ managementPolicy: 'Paused' });
    life.store.markDeleted();
    await passes(life, 5);
    expect(readyOf(life)).toBe('False Deleting');
    const held = life.status.conditions?.find(({ type }) => type === 'Reconciling');
    expect(held).toMatchObject({
      reason: 'ManagementPaused',
      message: expect.stringContaining('ObserveOnly'),
    });
    expect(life.pve.guests.size).toBe(2);
    life.store.editSpec({ managementPolicy });
    await life.until(() => life.store.live() === undefined);
    expect(life.pve.guests.size).toBe(guests);
  });
});
