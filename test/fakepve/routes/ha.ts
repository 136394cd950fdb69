import { createHash } from 'node:crypto';
import { failure } from '../errors.ts';
import { MODIFIED, haResource, normalSid, requestState } from '../ha.ts';
import { requestMigrations, scheduleManager } from '../ha-manager.ts';
import { blockersOn, dropFromRules } from '../ha-rules.ts';
import { splitList } from '../schema/formats.ts';
import { isOlder } from '../schema/versions.ts';
import type { Call, Routes } from '../call.ts';
import type { HaResource } from '../ha.ts';

const RESOURCE = '/cluster/ha/resources/{sid}';

const digestOf = (call: Call): string =>
  createHash('sha1')
    .update(JSON.stringify([...call.world.ha.resources.values()]))
    .digest('hex');

const describe = (call: Call, resource: HaResource): object => ({
  sid: resource.sid,
  type: 'vm',
  state: resource.state,
  digest: digestOf(call),
  ...(resource.comment === undefined ? {} : { comment: resource.comment }),
  ...(resource.maxRestart === undefined ? {} : { max_restart: resource.maxRestart }),
  ...(resource.maxRelocate === undefined ? {} : { max_relocate: resource.maxRelocate }),
  ...(resource.group === undefined ? {} : { group: resource.group }),
  ...(resource.failback === undefined ? {} : { failback: resource.failback ? 1 : 0 }),
});

function apply(call: Call, resource: HaResource): void {
  resource.comment = call.get('comment') ?? resource.comment;
  resource.maxRestart = call.int('max_restart') ?? resource.maxRestart;
  resource.maxRelocate = call.int('max_relocate') ?? resource.maxRelocate;
  resource.failback = call.flag('failback') ?? resource.failback;
  resource.group = groupIn(call) ?? resource.group;
  scheduleManager(call.world, resource);
}

const sidOf = (call: Call): string => normalSid(call.text('sid'));

/** Since PVE 9 there are rules instead. */
const hasGroups = (call: Call): boolean => isOlder(call.world.release(), '9.0');

function groupIn(call: Call): string | undefined {
  const group = call.get('group');
  if (group === undefined) return undefined;
  if (!hasGroups(call)) throw failure("invalid parameter 'group': ha groups have been migrated to rules");
  if (!call.world.ha.groups.has(group)) throw failure(`HA group '${group}' does not exist`);
  return group;
}

/** The VMID, if the guest exists and is of that type. */
function guestOf(call: Call, sid: string): number {
  const [type = '', id = ''] = sid.split(':');
  const vmid = Number(id);
  if (!/^\d+$/.test(id)) throw failure('invalid VMID');
  if (![undefined, type].includes(call.get('type'))) throw failure('types does not match');
  if (!call.world.guests.has(vmid)) throw failure(`resource '${sid}' does not exist in cluster`);
  if (type === 'ct') throw failure(`resource '${sid}' - guest with ID ${vmid} is not a container`);
  return vmid;
}

function add(call: Call): null {
  const { world } = call;
  groupIn(call);
  const sid = sidOf(call);
  const vmid = guestOf(call, sid);
  if (world.ha.resources.has(sid))
    throw failure(`create resource failed: resource ID '${sid}' already defined`);
  world.requireQuorum();
  const resource = haResource(vmid, requestState(call.get('state') ?? 'started'));
  world.ha.resources.set(sid, resource);
  apply(call, resource);
  return null;
}

function resourceOf(call: Call, refusal: (sid: string) => string): HaResource {
  const sid = sidOf(call);
  const resource = call.world.ha.resources.get(sid);
  if (!resource) throw failure(refusal(sid));
  return resource;
}

function change(call: Call): null {
  const resource = resourceOf(call, (sid) => `update resources config failed: no such resource '${sid}'`);
  call.world.requireQuorum();
  const digest = call.get('digest');
  if (digest !== undefined && digest !== digestOf(call))
    throw failure(`update resources config failed: ${MODIFIED}`);
  const state = call.get('state');
  if (state !== undefined) resource.state = requestState(state);
  for (const key of splitList(call.get('delete') ?? '')) removeOption(resource, key);
  apply(call, resource);
  return null;
}

function removeOption(resource: HaResource, key: string): void {
  if (key === 'comment') resource.comment = undefined;
  else if (key === 'max_restart') resource.maxRestart = undefined;
  else if (key === 'max_relocate') resource.maxRelocate = undefined;
  else if (key === 'group') resource.group = undefined;
  else if (key === 'failback') resource.failback = undefined;
  else throw failure(`update resources config failed: no such option '${key}'`);
}

/** What HA is asked for is answered at once, and not checked against the nodes. */
function relocate(call: Call): object | null {
  const { world } = call;
  const { sid, vmid } = resourceOf(call, (name) => `resource '${name}' is not HA managed`);
  const node = call.text('node');
  const guest = world.guests.get(vmid);
  const blocking = blockersOn(world, vmid, node);
  const answer = { sid, 'requested-node': node };
  if (blocking.length > 0) return { ...answer, 'blocking-resources': blocking };
  if (guest && world.nodes.has(node) && guest.node !== node) requestMigrations(world, guest, node);
  return hasGroups(call) ? null : answer;
}

function remove(call: Call): null {
  const resource = resourceOf(call, (sid) => `cannot delete service '${sid}', not HA managed!`);
  call.world.requireQuorum();
  call.world.ha.resources.delete(resource.sid);
  if (call.flag('purge') ?? true) dropFromRules(call.world, resource.sid);
  return null;
}

const stamp = (call: Call, node: string): string =>
  new Date(call.world.timeOn(node))
    .toUTCString()
    .replace(/^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/, '$1 $3 $2 $5 $4');

function lrmRow(call: Call, node: string): object {
  const { world } = call;
  const state = world.isOnline(node) ? 'active, watchdog active' : 'old timestamp - dead?';
  return {
    id: `lrm:${node}`,
    type: 'lrm',
    node,
    timestamp: world.seconds(node),
    status: `${node} (${state}, ${stamp(call, node)})`,
  };
}

function serviceRow(call: Call, resource: HaResource): object {
  const { world } = call;
  const { sid, comment, maxRestart = 1, maxRelocate = 1, failback = true } = resource;
  const node = world.guests.get(resource.vmid)?.node ?? world.localNode.name;
  const state = resource.service ?? 'queued';
  return {
    id: `service:${sid}`,
    type: 'service',
    sid,
    node,
    state,
    crm_state: state,
    request_state: resource.state,
    status: `${sid} (${node}, ${state})`,
    max_restart: maxRestart,
    max_relocate: maxRelocate,
    failback: failback ? 1 : 0,
    ...(comment === undefined ? {} : { comment }),
  };
}

/** Managers become active with the first resource. */
function current(call: Call): readonly object[] {
  const { world } = call;
  const node = world.localNode.name;
  const quorum = world.quorate ? { quorate: 1, status: 'OK' } : { quorate: 0, status: 'No quorum on node' };
  const resources = [...world.ha.resources.values()];
  const first = { id: 'quorum', type: 'quorum', node, ...quorum };
  if (resources.length === 0) return [first];
  const armed = { 'armed-state': 'armed', status: 'armed (CRM watchdog active)' };
  return [
    first,
    { id: 'fencing', type: 'fencing', node, ...armed },
    {
      id: 'master',
      type: 'master',
      node,
      timestamp: world.seconds(node),
      status: `${node} (active, ${stamp(call, node)})`,
    },
    ...[...world.nodes.keys()].map((name) => lrmRow(call, name)),
    ...resources.map((resource) => serviceRow(call, resource)),
  ];
}

export const haRoutes: Routes = {
  'GET /cluster/ha': (call) =>
    ['status', 'resources', 'groups', ...(hasGroups(call) ? [] : ['rules'])].map((id) => ({ id })),
  'GET /cluster/ha/resources': (call) =>
    [...call.world.ha.resources.values()].map((resource) => describe(call, resource)),
  'POST /cluster/ha/resources': add,
  [`GET ${RESOURCE}`]: (call) =>
    describe(
      call,
      resourceOf(call, (sid) => `no such resource '${sid}'`),
    ),
  [`PUT ${RESOURCE}`]: change,
  [`DELETE ${RESOURCE}`]: remove,
  [`POST ${RESOURCE}/migrate`]: relocate,
  [`POST ${RESOURCE}/relocate`]: relocate,
  'GET /cluster/ha/status': () => [{ name: 'current' }, { name: 'manager_status' }],
  'GET /cluster/ha/status/current': current,
};
