/** Restarts: once for each request, one VM of a class at a time where the policy allows them, and never uninvited. */
import { expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, tenant, type Tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 7 });

const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();
const REQUEST = minutesAgo(10);
const sized = (spec: object) => manifest('VMClass', 'sized', { cpus: 2, memory: '2Gi', ...spec });

async function running(spec: object, ...names: readonly string[]): Promise<Tenant> {
  const t = await tenant(lab.plane);
  await t.apply(sized({}), ...names.map((name) => vm(name, { classRef: { name: 'sized' }, ...spec })));
  await t.ready(...names.map((name) => `vm/${name}`));
  return t;
}

const pids = (t: Tenant, names: readonly string[]) =>
  names.map((name) => guestNamed(t.pve, name).running?.pid);
const processStates = (t: Tenant, names: readonly string[]) =>
  names.map((name) => guestNamed(t.pve, name).get('memory'));
const restart = (t: Tenant, name: string, at = REQUEST) =>
  t.annotate(`vm/${name}`, { 'virtrigaud.io/restartedAt': at });
const reason = async (t: Tenant, name: string) => condition(await t.vm(name), 'RestartRequired').is;

test.concurrent('the annotation restarts the guest gracefully, once, and is recorded', async () => {
  const t = await running({}, 'web');
  const [before] = pids(t, ['web']);
  await restart(t, 'web');
  await soon(async () =>
    expect((await t.vm('web')).status).toMatchObject({ internal: { restartedAt: REQUEST } }),
  );
  await t.ready('vm/web');
  await soon(() => expect(guestNamed(t.pve, 'web').running).toBeDefined());
  expect(pids(t, ['web'])).not.toEqual([before]);
  expect(tasksDone(t.pve, 'qmshutdown')).toBe(1);
  expect(tasksDone(t.pve, 'qmstop')).toBe(0);
  expect((await t.vm('web')).status['internal']).not.toHaveProperty('restart');
  await restart(t, 'web', minutesAgo(5));
  await soon(() => expect(tasksDone(t.pve, 'qmshutdown')).toBe(2));
  await t.ready('vm/web');
  const recorded = (await t.vm('web')).status['internal'];
  // An old manifest that is applied again, and a request of the day before yesterday.
  for (const at of [REQUEST, minutesAgo(3000)]) {
    await restart(t, 'web', at);
    await t.lookAgain();
    await t.ready('vm/web');
  }
  expect((await t.vm('web')).status['internal']).toEqual(recorded);
  expect(tasksDone(t.pve, 'qmshutdown')).toBe(2);
});

test.concurrent(
  'an annotation that was there before the guest, or while it is off, restarts nothing',
  async () => {
    const t = await tenant(lab.plane);
    const annotations = { 'virtrigaud.io/restartedAt': REQUEST };
    const { spec } = vm('web');
    await t.apply(manifest('VirtualMachine', 'web', spec, { annotations }));
    await t.apply(vm('db', { powerState: 'Off' }));
    await t.ready('vm/web', 'vm/db');
    await restart(t, 'db');
    await soon(async () => {
      for (const name of ['web', 'db'])
        expect((await t.vm(name)).status).toMatchObject({ internal: { restartedAt: REQUEST } });
    });
    expect(tasksDone(t.pve, 'qmshutdown')).toBe(0);
    expect(tasksDone(t.pve, 'qmstart')).toBe(1);
  },
);

test.concurrent('without a policy changes wait and are reported', async () => {
  const t = await running({}, 'web');
  const before = pids(t, ['web']);
  await t.apply(sized({ memory: '4Gi' }));
  await soon(async () => expect(await reason(t, 'web')).toBe('RestartRequired=True PendingChanges'));
  expect(pids(t, ['web'])).toEqual(before);
});

test.concurrent('IfRequired restarts the VMs of a class one after the other', async () => {
  const names = ['a', 'b', 'c'];
  const t = await running({ rebootPolicy: 'IfRequired' }, ...names);
  await t.apply(sized({ memory: '4Gi' }));
  let down = 0;
  await soon(async () => {
    down = Math.max(down, pids(t, names).filter((pid) => pid === undefined).length);
    expect(processStates(t, names)).toEqual(['4096', '4096', '4096']);
    for (const name of names) expect(await reason(t, name)).toBe('no RestartRequired');
    expect(pids(t, names)).not.toContain(undefined);
  });
  expect(down).toBeLessThanOrEqual(1);
  expect(tasksDone(t.pve, 'qmshutdown')).toBe(3);
});

test.concurrent(
  'a VM that does not come up again stops the rollout, and the others say whom they wait for',
  async () => {
    const names = ['a', 'b'];
    const t = await running({ rebootPolicy: 'IfRequired' }, ...names);
    t.pve.faults.add({ kind: 'taskFail', path: '/status/start$', exitstatus: 'start failed: no memory' });
    await t.apply(sized({ memory: '4Gi' }));
    const [first, second] = await soon(async () => {
      const down = names.find((name) => guestNamed(t.pve, name).running === undefined);
      expect(down).toBeDefined();
      const other = down === 'a' ? 'b' : 'a';
      const { is, message } = condition(await t.vm(other), 'RestartRequired');
      expect(is).toBe('RestartRequired=True RestartQueued');
      expect(message).toContain(`${t.namespace}/${down}`);
      expect(await reason(t, down!)).toBe('RestartRequired=True RolloutStopped');
      return [down!, other];
    });
    expect(guestNamed(t.pve, second).running).toBeDefined();
    expect(processStates(t, [first, second])).toEqual(['4096', '2048']);
  },
);

test.concurrent('MaintenanceWindow restarts within its window and not outside', async () => {
  const window = (schedule: string) => ({
    rebootPolicy: 'MaintenanceWindow',
    maintenanceWindow: { schedule, duration: '1h' },
  });
  const far = (new Date().getUTCHours() + 12) % 24;
  const t = await running(window(`0 ${far} * * *`), 'web');
  const before = pids(t, ['web']);
  await t.apply(sized({ memory: '4Gi' }));
  await soon(async () =>
    expect(await reason(t, 'web')).toBe('RestartRequired=True OutsideMaintenanceWindow'),
  );
  expect(pids(t, ['web'])).toEqual(before);
  await t.patch('vm/web', { spec: window('* * * * *') });
  await soon(() => expect(processStates(t, ['web'])).toEqual(['4096']));
  await soon(async () => expect(await reason(t, 'web')).toBe('no RestartRequired'));
});

test.concurrent('foreign changes that are pending in Proxmox VE restart nothing', async () => {
  const t = await running({ rebootPolicy: 'IfRequired' }, 'web');
  const guest = guestNamed(t.pve, 'web');
  const before = pids(t, ['web']);
  guest.pending.set('vga', 'qxl');
  guest.pending.set('cpu', 'host');
  guest.pending.set('scsi0', `${guest.get('scsi0') ?? ''},cache=writeback`);
  guest.pending.set('net3', 'virtio=BC:24:11:00:00:33,bridge=vmbr0');
  guest.written();
  await t.apply(sized({ cpus: 3 }));
  await soon(() => expect(guest.get('vcpus')).toBe('3'));
  await soon(async () => {
    const { is, message } = condition(await t.vm('web'), 'Synced');
    expect(is).toContain('Synced=False');
    expect(message).toContain('vga');
    expect(message).toContain('not by the operator');
  });
  expect(await reason(t, 'web')).toBe('no RestartRequired');
  expect(pids(t, ['web'])).toEqual(before);
});
