import { createHash } from 'node:crypto';
import { failure } from '../errors.ts';
import { haResource, normalSid, requestState } from '../ha.ts';
import { scheduleManager } from '../ha-manager.ts';
import type { Call, Routes } from '../call.ts';
import type { HaResource, HaRule } from '../ha.ts';

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
  ...(resource.failback === undefined ? {} : { failback: resource.failback ? 1 : 0 }),
});

function apply(call: Call, resource: HaResource): void {
  resource.comment = call.get('comment') ?? resource.comment;
  resource.maxRestart = call.int('max_restart') ?? resource.maxRestart;
  resource.maxRelocate = call.int('max_relocate') ?? resource.maxRelocate;
  resource.failback = call.flag('failback') ?? resource.failback;
  scheduleManager(call.world, resource);
}

const sidOf = (call: Call): string => normalSid(call.text('sid'));

function add(call: Call): null {
  const { world } = call;
  const sid = sidOf(call);
  const vmid = Number(sid.split(':')[1]);
  if (!sid.startsWith('vm:') || !world.guests.has(vmid))
    throw failure(`resource '${sid}' does not exist in cluster`);
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
  const state = call.get('state');
  if (state !== undefined) resource.state = requestState(state);
  for (const key of (call.get('delete') ?? '').split(','))
    if (key === 'comment') resource.comment = undefined;
  apply(call, resource);
  return null;
}

function remove(call: Call): null {
  const resource = resourceOf(call, (sid) => `cannot delete service '${sid}', not HA managed!`);
  call.world.requireQuorum();
  call.world.ha.resources.delete(resource.sid);
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

function noGroups(): never {
  throw failure('cannot index groups: ha groups have been migrated to rules');
}

const describeRule = (rule: HaRule): object => ({ rule: rule.rule, ...Object.fromEntries(rule.options) });

function addRule(call: Call): null {
  const { ha } = call.world;
  const rule = call.text('rule');
  if (ha.rules.has(rule)) throw failure(`create ha rule failed: ha rule ID '${rule}' already defined`);
  ha.rules.set(rule, { rule, options: new Map(ruleOptions(call)) });
  return null;
}

const ruleOptions = (call: Call): readonly (readonly [string, string])[] =>
  Object.keys(call.params)
    .filter((key) => key !== 'rule' && key !== 'delete')
    .map((key) => [key, call.text(key)]);

function ruleOf(call: Call): HaRule {
  const rule = call.world.ha.rules.get(call.text('rule'));
  if (!rule) throw failure(`no such ha rule '${call.text('rule')}'`);
  return rule;
}

export const haRoutes: Routes = {
  'GET /cluster/ha': () => ['status', 'resources', 'groups', 'rules'].map((id) => ({ id })),
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
  'GET /cluster/ha/groups': noGroups,
  'GET /cluster/ha/rules': (call) => [...call.world.ha.rules.values()].map(describeRule),
  'POST /cluster/ha/rules': addRule,
  'GET /cluster/ha/rules/{rule}': (call) => describeRule(ruleOf(call)),
  'PUT /cluster/ha/rules/{rule}': (call) => {
    const rule = ruleOf(call);
    for (const [key, value] of ruleOptions(call)) rule.options.set(key, value);
    return null;
  },
  'DELETE /cluster/ha/rules/{rule}': (call) => {
    call.world.ha.rules.delete(ruleOf(call).rule);
    return null;
  },
  'GET /cluster/ha/status': () => [{ name: 'current' }, { name: 'manager_status' }],
  'GET /cluster/ha/status/current': current,
};
