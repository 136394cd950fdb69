/** HA groups, which PVE 9 replaced by rules. They are kept and shown; nothing moves a guest because of one. */
import { failure } from '../errors.ts';
import { isOlder } from '../schema/versions.ts';
import type { Call, Routes } from '../call.ts';
import type { HaGroup } from '../ha.ts';

/** A handler that newer versions refuse. */
const untilRules =
  (what: string, handler: (call: Call) => unknown) =>
  (call: Call): unknown => {
    if (!isOlder(call.world.release(), '9.0'))
      throw failure(`cannot ${what}: ha groups have been migrated to rules`);
    return handler(call);
  };

const describe = ({ group, options }: HaGroup): object => ({
  group,
  type: 'group',
  ...Object.fromEntries(options),
});

function create(call: Call): null {
  const { ha } = call.world;
  const group = call.text('group');
  if (ha.groups.has(group)) throw failure(`create ha group failed: group ID '${group}' already defined`);
  call.world.requireQuorum();
  const named = ['nodes', 'comment', 'restricted', 'nofailback'];
  const options = named.flatMap((key): [string, string][] => {
    const value = call.get(key);
    return value === undefined ? [] : [[key, value]];
  });
  ha.groups.set(group, { group, options: new Map(options) });
  return null;
}

function read(call: Call): object {
  const group = call.world.ha.groups.get(call.text('group'));
  if (!group) throw failure(`no such ha group '${call.text('group')}'`);
  return describe(group);
}

function remove(call: Call): null {
  const { ha } = call.world;
  const group = call.text('group');
  const user = [...ha.resources.values()].find((resource) => resource.group === group);
  if (user) throw failure(`delete group failed: ha group is used by service '${user.sid}'`);
  call.world.requireQuorum();
  ha.groups.delete(group);
  return null;
}

export const haGroupRoutes: Routes = {
  'GET /cluster/ha/groups': untilRules('index groups', ({ world }) =>
    [...world.ha.groups.values()].map(describe),
  ),
  'POST /cluster/ha/groups': untilRules('create group', create),
  'GET /cluster/ha/groups/{group}': untilRules('read group', read),
  'DELETE /cluster/ha/groups/{group}': untilRules('delete group', remove),
};
