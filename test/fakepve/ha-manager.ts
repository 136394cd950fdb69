import { dependentsOf } from './ha-rules.ts';
import { powerOff, powerOn, shutdown } from './power.ts';
import type { Guest } from './guest.ts';
import type { HaResource } from './ha.ts';
import type { World } from './world.ts';

/** Applies the requested HA state, with tasks of its own. */
function carryOut(world: World, resource: HaResource): void {
  const guest = world.guests.get(resource.vmid);
  if (!guest || world.ha.resources.get(resource.sid) !== resource || resource.state === 'ignored') return;
  // HA does nothing with a service in the error state until it is disabled.
  if (resource.service === 'error' && resource.state !== 'disabled') return;
  // One task per guest at a time.
  if (world.tasks.active().some((task) => task.id === String(guest.vmid))) {
    scheduleManager(world, resource);
    return;
  }
  const wanted = resource.state === 'started';
  if (wanted === (guest.running !== undefined)) {
    resource.service = wanted ? 'started' : resource.state;
    return;
  }
  resource.service = wanted ? 'started' : 'request_stop';
  const type = wanted ? 'qmstart' : 'qmshutdown';
  world.tasks.start({ node: guest.node, type, id: String(guest.vmid), user: 'root@pam' }, async (run) => {
    if (wanted) {
      await run.sleep(world.latency.qmstart);
      powerOn(world, guest);
    } else {
      await shutdown(world, guest, run, { timeoutS: 60, force: true });
      if (guest.running) powerOff(world, guest);
      resource.service = resource.state;
    }
  });
}

/** Schedules the manager to process this resource after its delay. */
export function scheduleManager(world: World, resource: HaResource): void {
  void world.clock.sleep(world.wait(world.latency.haManager)).then(() => carryOut(world, resource));
}

/** Starting or stopping a managed guest changes its requested HA state. */
export function requestPower(world: World, vmid: number, state: 'started' | 'stopped'): void {
  const resource = world.ha.managed(vmid);
  if (!resource) return;
  resource.state = state;
  scheduleManager(world, resource);
}

/** The manager migrates a guest with a task of its own. */
export function requestMigration(world: World, guest: Guest, target: string): void {
  void world.clock.sleep(world.wait(world.latency.haManager)).then(() => {
    const { vmid, node } = guest;
    world.tasks.start({ node, type: 'qmigrate', id: String(vmid), user: 'root@pam' }, async (run) => {
      const resource = world.ha.managed(vmid);
      const before = resource?.service;
      if (resource) resource.service = 'migrate';
      guest.config.set('lock', 'migrate');
      guest.written();
      try {
        await run.sleep(world.latency.qmigrate / 2);
        guest.node = target;
        // The configuration is on the target before it is unlocked there.
        await run.sleep(world.latency.qmigrate / 2);
      } finally {
        guest.config.delete('lock');
        guest.written();
        if (resource) resource.service = before;
      }
    });
  });
}

/** Resources that must be together move together. */
export function requestMigrations(world: World, guest: Guest, target: string): void {
  const sids = dependentsOf(world, guest.vmid);
  const others = sids.flatMap((sid) => world.guests.get(Number(sid.slice('vm:'.length))) ?? []);
  for (const each of [guest, ...others]) if (each.node !== target) requestMigration(world, each, target);
}
