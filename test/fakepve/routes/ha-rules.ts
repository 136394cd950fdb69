import { PveError, failure } from '../errors.ts';
import { MODIFIED } from '../ha.ts';
import {
  checkRule,
  describeRule,
  normalRuleOption,
  resourcesOf,
  rulesDigest,
  verifyRule,
} from '../ha-rules.ts';
import { splitList } from '../schema/formats.ts';
import type { Call, Routes } from '../call.ts';
import type { HaRule } from '../ha.ts';

function listRules(call: Call): readonly object[] {
  const type = call.get('type');
  const resource = call.get('resource');
  return [...call.world.ha.rules.values()]
    .filter((rule) => type === undefined || rule.options.get('type') === type)
    .filter((rule) => resource === undefined || resourcesOf(rule).includes(resource))
    .map((rule) => describeRule(call.world, rule));
}

/** Errors of the checks are part of another one. */
function within<T>(prefix: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PveError) throw new PveError(500, `${prefix}: ${error.text}`);
    throw error;
  }
}

function addRule(call: Call): null {
  const { world } = call;
  verifyRule(call.params, { complete: true });
  world.requireQuorum();
  const rule = { rule: call.text('rule'), options: new Map(ruleOptions(call)) };
  within('create ha rule failed', () => {
    if (world.ha.rules.has(rule.rule)) throw failure(`HA rule '${rule.rule}' already defined`);
    checkRule(world, rule);
  });
  world.ha.rules.set(rule.rule, rule);
  return null;
}

function changeRule(call: Call): null {
  const { world } = call;
  verifyRule(call.params, { complete: false });
  world.requireQuorum();
  within('update HA rules failed', () => {
    const name = call.text('rule');
    const before = world.ha.rules.get(name);
    if (!before) throw failure(`HA rule '${name}' does not exist`);
    const digest = call.get('digest');
    if (digest !== undefined && digest !== rulesDigest(world)) throw failure(MODIFIED);
    if (before.options.get('type') !== call.text('type')) throw failure("unexpected property 'type'");
    const options = new Map([...before.options, ...ruleOptions(call)]);
    for (const key of splitList(call.get('delete') ?? '')) options.delete(key);
    checkRule(world, { rule: name, options });
    world.ha.rules.set(name, { rule: name, options });
  });
  return null;
}

const ruleOptions = (call: Call): readonly (readonly [string, string])[] =>
  Object.keys(call.params)
    .filter((key) => !['rule', 'delete', 'digest'].includes(key))
    .map((key) => [key, normalRuleOption(key, call.text(key))]);

function ruleOf(call: Call): HaRule {
  const rule = call.world.ha.rules.get(call.text('rule'));
  if (!rule) throw failure(`no such ha rule '${call.text('rule')}'`);
  return rule;
}

export const haRuleRoutes: Routes = {
  'GET /cluster/ha/rules': listRules,
  'POST /cluster/ha/rules': addRule,
  'GET /cluster/ha/rules/{rule}': (call) => describeRule(call.world, ruleOf(call)),
  'PUT /cluster/ha/rules/{rule}': changeRule,
  'DELETE /cluster/ha/rules/{rule}': (call) => {
    call.world.ha.rules.delete(call.text('rule'));
    return null;
  },
};
