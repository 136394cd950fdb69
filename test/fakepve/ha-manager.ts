import { powerOff, powerOn, shutdown } from './power.ts';
import type { Guest } from './guest.ts';
import type { HaResource } from './ha.ts';
import type { World } from './world.ts';

/** What HA wants is carried out a while later, by tasks of its own. */
function carryOut(world: World, resource: HaResource): void {
  const guest = world.guests.get(resource.vmid);
  if (!guest || world.ha.resources.get(resource.sid) !== resource || resource.state === 'ignored') return;
  // Of a service in error HA keeps its hands until it is disabled.
  if (resource.service === 'error' && resource.state !== 'disabled') return;
  // One piece of work at a time.
  if (world.tasks.active().some((task) => task.id === String(guest.vmid))) {
    notice(world, resource);
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

/** The manager looks at a resource once it is due. */
export function notice(world: World, resource: HaResource): void {
  void world.clock.sleep(world.wait(world.latency.haManager)).then(() => carryOut(world, resource));
}

/** Start and stop of a managed guest change what is wished of it. */
export function requestPower(world: World, vmid: number, state: 'started' | 'stopped'): void {
  const resource = world.ha.managed(vmid);
  if (!resource) return;
  resource.state = state;
  notice(world, resource);
}

/** The manager moves a guest by a task of its own. */
export function requestMigration(world: World, guest: Guest, target: string): void {
  void world.clock.sleep(world.wait(world.latency.haManager)).then(() => {
    const { vmid, node } = guest;
    world.tasks.start({ node, type: 'qmigrate', id: String(vmid), user: 'root@pam' }, async (run) => {
      await run.sleep(world.latency.qmigrate);
      guest.node = target;
      guest.written();
    });
  });
}
