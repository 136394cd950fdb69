import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { DRY_RUN } from '../../../../src/api/index.ts';
import { bytes, GiB } from '../../../../src/lib/units.ts';
import { aGuest, aMark, configOf, FORMER } from '../../../builders/guests.ts';
import { Life } from '../../../builders/life.ts';
import { aClass, UID } from '../../../builders/objects.ts';
import { Saboteur, type Fault } from '../../../builders/saboteur.ts';

const INLINE = { userData: { cloudInit: { inline: '#cloud-config\npackages: [nginx]\n' } } };

/** Lets a life that is ready become quiet: the guest agent is asked a few times more. */
async function quiet(life: Life): Promise<void> {
  await life.untilReady();
  for (let pass = 0; pass < 20; pass += 1) await life.pass();
}

const Told = z.looseObject({ conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })) });
const readyIn = (status: unknown): string | undefined =>
  Told.parse(status).conditions.find(({ type }) => type === 'Ready')?.status;

const timesOf = ({ pve }: Life, end: string): number =>
  pve.requests.filter((route) => route.endsWith(end)).length;

describe('a new VirtualMachine', () => {
  test('becomes one running guest with the mark of the object', async () => {
    const life = new Life();
    await life.untilReady();
    const [guest, ...others] = life.pve.guestsOf(UID);
    expect(others).toEqual([]);
    expect(guest?.running).toBe(true);
    expect(guest?.config).toMatchObject({ name: 'web', memory: '2048', vcpus: '2', agent: 'enabled=1' });
    expect(life.status).toMatchObject({
      phase: 'Running',
      vmid: guest?.vmid,
      internal: { uuid: UID },
      node: 'pve-1',
      powerState: 'On',
    });
  });

  test('docker0-ip-not-first: reports the addresses of its own NIC, and none of docker0', async () => {
    const life = new Life();
    await quiet(life);
    expect(life.status.ipAddresses).toEqual([`10.0.0.${life.status.vmid! % 250}`]);
    expect(life.conditions).toMatchObject({ GuestAgentConnected: 'True', Synced: 'True', Placed: 'True' });
  });

  test('has its number in status before the clone is requested', async () => {
    const stored: unknown[] = [];
    const life = new Life({
      between: ({ send, store }, { store: vms }) => ({
        store,
        send: (endpoint, params, options) => {
          if (endpoint.path.endsWith('/clone')) stored.push(vms.live()?.rawStatus?.['vmid']);
          return send(endpoint, params, options);
        },
      }),
    });
    await life.untilReady();
    expect(stored).toEqual([life.status.vmid]);
  });

  test('is configured without a task, and needs few status writes', async () => {
    const life = new Life({ vm: { spec: INLINE } });
    await life.untilReady();
    expect(life.pve.requests).toContain('PUT /nodes/{node}/qemu/{vmid}/config');
    expect(life.pve.requests).not.toContain('POST /nodes/{node}/qemu/{vmid}/config');
    // The number, the name of the image, and that it is ready; what lasts longer than a second tells of itself between.
    expect(life.store.statusWrites.length).toBeLessThanOrEqual(5);
  });

  test('gets its user-data on an image of its own', async () => {
    const life = new Life({ vm: { spec: INLINE } });
    await life.untilReady();
    expect([...life.pve.volumes]).toEqual([life.status.internal?.cloudInit?.volume]);
    expect(life.pve.guestsOf(UID)[0]?.config['ide2']).toContain(
      life.status.internal?.cloudInit?.volume ?? 'no volume',
    );
  });

  test('stays Ready and Running while the image that has served is cleared away', async () => {
    const life = new Life({ vm: { spec: INLINE } });
    await life.untilReady();
    const before = life.store.statusWrites.length;
    await quiet(life);
    expect([...life.pve.volumes]).toEqual([]);
    const reported = life.store.statusWrites
      .slice(before)
      .map((status) => [status['phase'], readyIn(status)]);
    expect(reported.length).toBeGreaterThan(0);
    expect(new Set(reported.map(String))).toEqual(new Set(['Running,True']));
  });

  test('that should be off is ready without ever having been started', async () => {
    const life = new Life({ vm: { spec: { powerState: 'Off' } } });
    await life.untilReady();
    expect(life.status).toMatchObject({ phase: 'Stopped', powerState: 'Off' });
    expect(life.pve.requests).not.toContain('POST /nodes/{node}/qemu/{vmid}/status/start');
  });

  test('takes another number when someone else was faster on the first', async () => {
    const life = new Life();
    await life.until(() => life.status.vmid !== undefined);
    const first = life.status.vmid!;
    life.pve.add(first, { name: 'faster' });
    await life.untilReady();
    expect(life.status.vmid).not.toBe(first);
    expect(life.pve.guests.get(first)?.config).toEqual({ name: 'faster' });
    expect(timesOf(life, '/clone')).toBe(2);
  });

  test('is cloned again after a clone that failed', async () => {
    const life = new Life();
    life.pve.failures.push({ type: 'qmclone', exit: 'storage is full' });
    await life.untilReady();
    expect(life.pve.guestsOf(UID)).toHaveLength(1);
    expect(life.status.failure).toBeUndefined();
  });
});

describe('a settled VirtualMachine', () => {
  test('keeps nothing of its user-data in the memory of the process', async () => {
    const inline = '#cloud-config\nruncmd: [some-secret]\n';
    const life = new Life({ vm: { spec: { userData: { cloudInit: { inline } } } } });
    await quiet(life);
    const { rest } = life.process.processStates.of(UID);
    expect(rest?.facts.want).toMatchObject({ exists: true, name: 'web' });
    expect(JSON.stringify(rest)).not.toContain('some-secret');
  });

  test('is passed over without a single request and without a write', async () => {
    const life = new Life();
    await quiet(life);
    const [requests, writes] = [life.pve.requests.length, life.store.statusWrites.length];
    for (let pass = 0; pass < 5; pass += 1) await life.process.pass();
    expect(life.pve.requests).toHaveLength(requests);
    expect(life.store.statusWrites).toHaveLength(writes);
  });

  test('is read again after its rest was disturbed, and written only if something differs', async () => {
    const life = new Life();
    await quiet(life);
    const [requests, writes] = [life.pve.requests.length, life.store.statusWrites.length];
    life.process.processStates.invalidate(UID);
    await life.process.pass();
    expect(life.pve.requests.length).toBeGreaterThan(requests);
    expect(life.store.statusWrites).toHaveLength(writes);
  });

  test('is started again after someone stopped it', async () => {
    const life = new Life();
    await quiet(life);
    const guest = life.pve.guestsOf(UID)[0]!;
    guest.running = false;
    await life.pass();
    await life.until(() => guest.running);
  });

  test('is changed only as the object is now, not as an old cache shows it', async () => {
    const life = new Life();
    await quiet(life);
    const starts = timesOf(life, '/status/start');
    life.pve.guestsOf(UID)[0]!.running = false;
    await life.process.inventory.refresh();
    life.store.editSpec({ powerState: 'Off' }, 'unseen');
    await life.process.pass();
    await life.untilReady();
    expect(timesOf(life, '/status/start')).toBe(starts);
  });

  test('agent-500-is-quiet: keeps its last addresses while the agent is silent, and stays ready', async () => {
    const life = new Life();
    await quiet(life);
    const { ipAddresses } = life.status;
    const guest = life.pve.guestsOf(UID)[0]!;
    guest.agent = 'silent';
    life.process.processStates.invalidate(UID);
    await life.pass();
    expect(life.status.ipAddresses).toEqual(ipAddresses);
    expect(life.conditions).toMatchObject({ Ready: 'True', GuestAgentConnected: 'False' });
  });

  test('has no addresses any more once it is off', async () => {
    const life = new Life();
    await quiet(life);
    life.store.editSpec({ powerState: 'OffGraceful' });
    await life.untilReady();
    expect(life.status.ipAddresses).toBeUndefined();
    expect(life.status.phase).toBe('Stopped');
    expect(life.pve.requests).toContain('POST /nodes/{node}/qemu/{vmid}/status/shutdown');
  });

  test('follows its class: CPUs at once, cores above the ceiling only with a restart', async () => {
    let cpus = 1;
    const life = new Life({ vmClass: () => aClass({ cpus }) });
    await quiet(life);
    cpus = 2;
    await life.pass();
    await quiet(life);
    expect(life.pve.guestsOf(UID)[0]?.inForce['vcpus']).toBe('2');
    expect(life.conditions['RestartRequired']).toBeUndefined();
    cpus = 8;
    await life.pass();
    await quiet(life);
    expect(life.conditions).toMatchObject({ Ready: 'True', RestartRequired: 'True', Synced: 'False' });
    expect(life.status.pendingChanges?.map(({ key }) => key)).toContain('cores');
  });

  test('grows its root disk', async () => {
    const life = new Life();
    await quiet(life);
    life.store.editSpec({ disks: [{ name: 'root', size: bytes(40 * GiB) }] });
    await life.untilReady();
    expect(life.pve.guestsOf(UID)[0]?.config['scsi0']).toContain('size=40G');
  });

  test('root-disk-smaller-than-template: says what it cannot do, and is ready all the same', async () => {
    const life = new Life({ vm: { spec: { disks: [{ name: 'root', size: bytes(GiB) }] } } });
    await life.untilReady();
    expect(life.conditions).toMatchObject({ Ready: 'True', Synced: 'False' });
    expect(life.pve.requests).not.toContain('PUT /nodes/{node}/qemu/{vmid}/resize');
  });

  test('is followed when someone moves it to another node', async () => {
    const life = new Life();
    await quiet(life);
    const { vmid } = life.status;
    const { config, inForce } = life.pve.guests.get(vmid!)!;
    life.pve.add(vmid!, config, { node: 'pve-2', running: true, inForce });
    for (let pass = 0; pass < 3; pass += 1) await life.pass();
    expect(life.status.node).toBe('pve-2');
    expect(life.conditions['Ready']).toBe('True');
  });

  test('is reported missing and not made again after someone destroyed it', async () => {
    const life = new Life();
    await quiet(life);
    life.pve.guests.delete(life.status.vmid!);
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(life.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Stalled', reason: 'GuestMissing' }),
    );
    expect(timesOf(life, '/clone')).toBe(1);
  });

  test('no-quorum-is-not-absence: is not taken for gone while the cluster has no quorum', async () => {
    const life = new Life();
    await quiet(life);
    life.pve.quorate = false;
    const hidden = life.pve.guests.get(life.status.vmid!)!;
    life.pve.guests.delete(hidden.vmid);
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(life.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', reason: 'CannotProveAbsence' }),
    );
    life.store.markDeleted();
    for (let pass = 0; pass < 5; pass += 1) await life.pass();
    expect(life.store.live()).toBeDefined();
  });
});

describe('a request whose answer was lost', () => {
  const lifeWith = (end: string, fault: Fault): Life => {
    let struck = false;
    const saboteur = new Saboteur((_call, what) => {
      if (struck || !what.endsWith(end)) return undefined;
      struck = true;
      return fault;
    });
    return new Life({ between: saboteur.between, isDead: saboteur.isDead });
  };

  test('is not repeated while its task runs', async () => {
    const life = lifeWith('/status/start', 'loses the answer');
    life.pve.taskMs = 5_000;
    await life.untilReady();
    expect(timesOf(life, '/status/start')).toBe(1);
  });

  test("crash-between-clone-and-status: is waited for by the next process too, and a lock of its task is nobody's fault", async () => {
    const life = lifeWith('/clone', 'dies after');
    life.pve.taskMs = 5_000;
    const reported = new Set<string | undefined>();
    await life.until(() => {
      const { conditions = [] } = life.status;
      reported.add(conditions.find(({ type }) => type === 'Stalled')?.reason);
      return life.conditions['Ready'] === 'True';
    });
    expect([...reported]).toEqual([undefined]);
    expect(timesOf(life, '/clone')).toBe(1);
  });
});

describe('a guest of an object of the same name', () => {
  test.each([
    ['and by its name in Proxmox VE', {}],
    ['although somebody renamed it', { name: 'old-web' }],
    ['although it was adopted under another name', { name: 'legacy-db-01' }],
  ])(
    'that went is known by its mark, %s: it is left alone, and no second one is made',
    async (_how, named) => {
      const life = new Life();
      const former = life.pve.add(300, configOf(FORMER, named));
      for (let pass = 0; pass < 10; pass += 1) await life.pass();
      expect(life.status.conditions).toContainEqual(
        expect.objectContaining({ type: 'Stalled', reason: 'BelongsToFormerObject' }),
      );
      expect(life.pve.guests.size).toBe(2);
      expect(former).toMatchObject({ digest: 1, running: false });
    },
  );

  test('that carries our very mark is taken up again after status was lost', async () => {
    const life = new Life();
    life.pve.add(300, aGuest({ config: configOf(aMark(), { name: 'renamed' }) }).config);
    await life.untilReady();
    expect(life.status.vmid).toBe(300);
    expect(life.pve.guestsOf(UID)).toHaveLength(1);
  });
});

describe('user-data that no guest can read', () => {
  const INVALID = { userData: { cloudInit: { inline: 'packages: [nginx]\n' } } };

  test('is refused before a number is reserved', async () => {
    const life = new Life({ vm: { spec: INVALID } });
    for (let pass = 0; pass < 10; pass += 1) await life.pass();
    expect(life.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', reason: 'CloudInitInvalid' }),
    );
    expect(life.conditions).toMatchObject({ Stalled: 'True' });
    expect(life.status.vmid).toBeUndefined();
    expect(life.pve.requests.filter((route) => !route.startsWith('GET '))).toEqual([]);
  });

  test('does not keep a guest that has read it from being taken up again after status was lost', async () => {
    const life = new Life({ vm: { spec: INVALID } });
    life.pve.add(300, configOf(aMark(), { name: 'renamed' }));
    await life.until(() => life.status.vmid !== undefined);
    expect(life.status.vmid).toBe(300);
    expect(life.pve.guestsOf(UID)).toHaveLength(1);
  });
});

describe('deletion', () => {
  test('shuts the guest down, destroys it, deletes the image and lets the object go', async () => {
    const life = new Life({ vm: { spec: INLINE } });
    await life.untilReady();
    await life.delete();
    expect(life.pve.guestsOf(UID)).toEqual([]);
    expect([...life.pve.volumes]).toEqual([]);
    const order = ['POST /nodes/{node}/qemu/{vmid}/status/shutdown', 'DELETE /nodes/{node}/qemu/{vmid}'];
    expect(life.pve.requests.filter((route) => order.includes(route))).toEqual(order);
  });

  test('changes nothing in Proxmox VE for an object that made nothing', async () => {
    const life = new Life();
    await life.process.pass(); // the finalizer
    await life.delete();
    expect(life.pve.requests.filter((route) => !route.startsWith('GET '))).toEqual([]);
  });

  test('takes the guest along whose number was lost with the status', async () => {
    const life = new Life();
    await life.process.pass(); // the finalizer
    life.pve.add(300, configOf(aMark(), { name: 'renamed' }));
    life.pve.add(301, configOf(aMark(), { smbios1: 'uuid=11111111-2222-3333-4444-555555555555' }));
    await life.delete();
    expect([...life.pve.guests.keys()]).toEqual([9000, 301]);
  });

  test('leaves the guest of someone else on its number alone', async () => {
    const life = new Life();
    await life.until(() => life.status.vmid !== undefined);
    const number = life.status.vmid!;
    life.pve.add(number, { name: 'faster', lock: 'suspended' }, { running: true });
    await life.delete();
    expect(life.pve.guests.get(number)).toMatchObject({ running: true, digest: 1 });
  });

  test('after a restart does not wait for clones of other templates, which may never end', async () => {
    const life = new Life();
    await life.until(() => life.status.vmid !== undefined);
    life.restart(); // nobody knows any more whether the clone was asked for
    const { taskMs } = life.pve;
    life.pve.add(9001, { name: 'other-template', template: '1' });
    life.pve.taskMs = Number.MAX_SAFE_INTEGER;
    life.pve.answer('POST /nodes/{node}/qemu/{vmid}/clone', { node: 'pve-1', vmid: 9001, newid: 500 });
    life.pve.taskMs = taskMs;
    await life.delete();
    expect([...life.pve.guests.keys()]).toEqual([9000, 9001, 500]);
  });

  test('during the clone waits for its end and destroys what was made', async () => {
    const life = new Life();
    await life.until(() => life.pve.requests.includes('POST /nodes/{node}/qemu/{vmid}/clone'));
    await life.delete();
    expect([...life.pve.guests.keys()]).toEqual([9000]);
  });
});

describe('a guest that the list of guests shows otherwise than it was read', () => {
  test('is read again soon, although its VM waits for minutes: a stop before the next list starts no pass', async () => {
    const life = new Life();
    await life.untilReady();
    await life.pass(); // the list shows it running
    const guest = life.pve.guests.get(life.status.vmid!)!;
    guest.running = false;
    await life.process.inventory.refresh();
    guest.running = true;
    life.store.annotate({ [DRY_RUN]: 'true' });
    life.store.editSpec({ powerState: 'Off' });
    life.process.processStates.invalidate(UID);
    const result = await life.process.pass();
    expect(life.conditions['Ready']).toBe('False');
    expect(result.next).toEqual({ when: 'after', delay: 6_000 });
  });
});

describe('a settled guest that is to be read again', () => {
  test('is read, although its agent was being asked when that was decided', async () => {
    let isAsked = false;
    let isInvalidated = false;
    const life = new Life({
      between: ({ send, store }) => ({
        store,
        send: async (endpoint, params, options) => {
          const answer = await send(endpoint, params, options);
          if (!isAsked || isInvalidated || !endpoint.path.endsWith('/network-get-interfaces')) return answer;
          isInvalidated = true;
          life.process.processStates.invalidate(UID);
          life.process.processStates.oldest(); // the next tick of the drift scan
          return answer;
        },
      }),
    });
    await life.untilReady();
    await life.until(() => life.process.processStates.of(UID).rest !== undefined);
    isAsked = true;
    await life.until(() => isInvalidated);
    const before = timesOf(life, 'GET /nodes/{node}/qemu/{vmid}/pending');
    for (let pass = 0; pass < 3; pass += 1) await life.pass();
    expect(timesOf(life, 'GET /nodes/{node}/qemu/{vmid}/pending')).toBeGreaterThan(before);
    expect(life.process.processStates.oldest().map(({ uid }) => uid)).toEqual([UID]);
  });
});
