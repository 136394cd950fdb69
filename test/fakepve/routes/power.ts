import { failure, paramError } from '../errors.ts';
import { requestPower } from '../ha-manager.ts';
import { allocateState, machineState, stateStorage } from '../snapshot-memory.ts';
import { checkLock, holding } from '../call.ts';
import { halt, powerOn, shutdown, start, stop } from '../power.ts';
import type { Call, Routes } from '../call.ts';
import type { Guest } from '../guest.ts';
import type { TaskRun } from '../tasks.ts';
import type { World } from '../world.ts';

const STATUS = '/nodes/{node}/qemu/{vmid}/status';
const DEFAULT_SHUTDOWN_S = 60;

const isManaged = (call: Call): boolean => {
  const resource = call.world.ha.managed(call.vmid);
  return resource !== undefined && resource.state !== 'ignored';
};

/** For a guest that HA manages, only its requested state is set. */
function byHa(call: Call, requested: 'started' | 'stopped'): string | undefined {
  const { world, vmid } = call;
  if (!isManaged(call)) return undefined;
  const verb = requested === 'started' ? 'start' : 'stop';
  return call.start(`ha${verb}`, vmid, async (run) => {
    run.log(`Requesting HA ${verb} for VM ${vmid}`);
    await run.sleep(world.latency.ha);
    requestPower(world, vmid, requested);
  });
}

const ofMigration = [
  'stateuri',
  'skiplock',
  'migratedfrom',
  'migration_type',
  'migration_network',
  'targetstorage',
  'force-cpu',
  'with-conntrack-state',
  'nets-host-mtu',
];

function startGuest(call: Call): string {
  const { world, node, vmid } = call;
  call.refuseUnlessRoot(...ofMigration);
  world.requireQuorum();
  return (
    byHa(call, 'started') ??
    call.startLocked('qmstart', vmid, async (run) => start(world, world.guest(node, vmid), run))
  );
}

function overruleShutdowns(call: Call): readonly string[] {
  const active = call.world.tasks
    .active()
    .filter((task) => task.type === 'qmshutdown' && task.id === String(call.vmid));
  for (const task of active) call.world.tasks.abort(task.upid);
  return active.map((task) => task.upid);
}

function stopGuest(call: Call): string {
  const { world, node, vmid } = call;
  call.refuseUnlessRoot('skiplock', 'keepActive', 'migratedfrom');
  const overrule = call.flag('overrule-shutdown') === true;
  if (overrule && isManaged(call))
    throw paramError({ 'overrule-shutdown': 'Not applicable for HA resources.' });
  const managed = byHa(call, 'stopped');
  if (managed !== undefined) return managed;
  return call.start('qmstop', vmid, async (run) => {
    const overruled = overrule ? overruleShutdowns(call) : [];
    if (overruled.length > 0) run.log(`overruled qmshutdown tasks: ${overruled.join(', ')}`);
    await holding(world, vmid, run, async () => {
      const guest = world.findGuest(node, vmid);
      if (guest.running) checkLock(guest);
      await stop(world, guest, run);
    });
  });
}

const shutdownSeconds = (call: Call, guest: Guest): number =>
  call.int('timeout') ??
  Number(/(?:^|,)down=(\d+)/.exec(guest.get('startup') ?? '')?.[1] ?? DEFAULT_SHUTDOWN_S);

function shutdownGuest(call: Call): string {
  const { world, node, vmid } = call;
  call.refuseUnlessRoot('skiplock', 'keepActive');
  const force = call.flag('forceStop') ?? false;
  const paused = isPaused(world.guestOn(node, vmid));
  if (paused && !force) throw failure('VM is paused - cannot shutdown');
  const managed = byHa(call, 'stopped');
  if (managed !== undefined) return managed;
  return call.startLocked('qmshutdown', vmid, async (run) => {
    const guest = world.findGuest(node, vmid);
    if (guest.running) checkLock(guest);
    if (paused) await stop(world, guest, run);
    else await shutdown(world, guest, run, { timeoutS: shutdownSeconds(call, guest), force });
  });
}

/** A guest in these states is not asked to shut down; one with an I/O error is asked, but does not react. */
const isPaused = (guest: Guest | undefined): boolean =>
  ['paused', 'prelaunch', 'suspended'].includes(guest?.running?.qmp ?? '');

function runningGuest(call: Call): Guest {
  const guest = call.world.findGuest(call.node, call.vmid);
  if (!guest.running) throw failure(`VM ${call.vmid} not running`);
  return guest;
}

/** The task of a reboot ends when the guest is off; shortly afterwards it is started, or stays off without an error. */
async function startAgain(world: World, guest: Guest): Promise<void> {
  await world.clock.sleep(world.wait(world.latency.rebootGap));
  if (world.guests.get(guest.vmid) !== guest || guest.running) return;
  // The clean-up itself starts it.
  guest.endedAt = undefined;
  try {
    world.requireQuorum();
    powerOn(world, guest);
  } catch {
    // Not reported anywhere: the guest is off.
  }
}

function rebootGuest(call: Call): string {
  const { world, vmid } = call;
  const guest = runningGuest(call);
  if (isPaused(guest)) throw failure('VM is paused - cannot shutdown');
  return call.start('qmreboot', vmid, async (run) => {
    const options = { timeoutS: shutdownSeconds(call, guest), force: false };
    await holding(world, vmid, run, () => shutdown(world, guest, run, options));
    void startAgain(world, guest);
  });
}

function resetGuest(call: Call): string {
  const { world } = call;
  call.refuseSkiplock();
  const guest = runningGuest(call);
  return call.startLocked('qmreset', call.vmid, async (run) => {
    checkLock(guest);
    await run.sleep(world.latency.qmreset);
    if (guest.running) guest.running.bootedAt = world.clock.now() + world.wait(world.latency.guestBoot);
  });
}

/** Saves the guest's memory to a volume and stops the guest. */
async function hibernate(call: Call, guest: Guest, storage: string, run: TaskRun): Promise<void> {
  const { world } = call;
  checkLock(guest);
  await run.sleep(world.latency.qmsuspend);
  const date = new Date(world.timeOn(guest.node)).toISOString().slice(0, 10);
  const state = allocateState(world, guest, `suspend-${date}`, storage);
  const extra = machineState(guest);
  halt(world, guest);
  for (const [key, value] of [['lock', 'suspended'], ['vmstate', state], ...extra] as const)
    guest.config.set(key, value);
  guest.written();
  run.log('State saved, quitting');
}

function suspendGuest(call: Call): string {
  const { world, vmid } = call;
  call.refuseSkiplock();
  const guest = runningGuest(call);
  if (call.flag('todisk') === true) {
    if (isManaged(call)) throw failure('Cannot suspend HA managed VM to disk');
    call.need(`/vms/${vmid}`, 'VM.Config.Disk');
    const storage = call.get('statestorage') ?? stateStorage(world, guest);
    call.need(`/storage/${storage}`, 'Datastore.AllocateSpace');
    return call.startLocked('qmsuspend', vmid, (run) => hibernate(call, guest, storage, run));
  }
  return call.startLocked('qmpause', vmid, async (run) => {
    checkLock(guest);
    await run.sleep(world.latency.qmpause);
    if (guest.running) guest.running.qmp = 'paused';
  });
}

function resumeGuest(call: Call): string {
  const { world, node, vmid } = call;
  call.refuseUnlessRoot('skiplock', 'nocheck');
  const hibernated = world.guestOn(node, vmid)?.get('lock') === 'suspended';
  const guest = hibernated ? call.guest : runningGuest(call);
  return call.startLocked('qmresume', vmid, async (run) => {
    if (hibernated) {
      await start(world, guest, run);
      return;
    }
    await run.sleep(world.latency.qmresume);
    if (guest.running) guest.running.qmp = 'running';
  });
}

export const powerRoutes: Routes = {
  [`POST ${STATUS}/start`]: startGuest,
  [`POST ${STATUS}/stop`]: stopGuest,
  [`POST ${STATUS}/shutdown`]: shutdownGuest,
  [`POST ${STATUS}/reboot`]: rebootGuest,
  [`POST ${STATUS}/reset`]: resetGuest,
  [`POST ${STATUS}/suspend`]: suspendGuest,
  [`POST ${STATUS}/resume`]: resumeGuest,
};
