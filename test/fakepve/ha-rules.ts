import { createHash } from 'node:crypto';
import { PveError, failure, paramError } from './errors.ts';
import { normalSid } from './ha.ts';
import { splitList } from './schema/formats.ts';
import { verifyAll } from './schema/verify.ts';
import type { HaRule } from './ha.ts';
import type { Definitions } from './schema/schema.ts';
import type { Values } from './schema/verify.ts';
import type { World } from './world.ts';

const NOT_DEFINED = 'property is not defined in schema and the schema does not allow additional properties';
const text = { type: 'string', optional: true };
const common: Definitions = {
  rule: { type: 'string', format: 'pve-configid' },
  type: { type: 'string', enum: ['node-affinity', 'resource-affinity'] },
  digest: text,
  delete: text,
};
const ofAllTypes: Definitions = {
  comment: { ...text, maxLength: 4096 },
  disable: { type: 'boolean', optional: true },
};
const byType: Readonly<Record<string, Definitions>> = {
  'node-affinity': {
    ...ofAllTypes,
    resources: { type: 'string' },
    nodes: { type: 'string', format: 'pve-ha-node-list' },
    strict: { type: 'boolean', optional: true },
  },
  'resource-affinity': {
    ...ofAllTypes,
    resources: { type: 'string' },
    affinity: { type: 'string', enum: ['positive', 'negative'] },
  },
};

/** Refuses parameters as PVE does: which there may be depends on the type. */
export function verifyRule(values: Values, { complete }: { readonly complete: boolean }): void {
  const type = values['type'];
  const own = typeof type === 'string' ? byType[type] : undefined;
  const isCommon = ([key]: readonly [string, unknown]): boolean => key in common;
  const entries = Object.entries(values);
  const errors: Record<string, string> = {
    ...verifyAll(Object.fromEntries(entries.filter(isCommon)), common),
  };
  const rest = Object.fromEntries(entries.filter((entry) => !isCommon(entry)));
  const definitions = Object.entries(own ?? {}).map(
    ([key, definition]) => [key, complete ? definition : { ...definition, optional: true }] as const,
  );
  for (const [key, complaint] of Object.entries(verifyAll(rest, Object.fromEntries(definitions))))
    errors[complaint === NOT_DEFINED ? key : `oneOf[${String(type)}].${key}`] = complaint;
  if (Object.keys(errors).length > 0) throw paramError(errors);
}

export const resourcesOf = ({ options }: HaRule): readonly string[] =>
  splitList(options.get('resources') ?? '');

const isEnabled = ({ options }: HaRule): boolean => options.get('disable') !== '1';
const typeOf = ({ options }: HaRule): string => options.get('type') ?? '';

/** Lists are kept in order. */
export function normalRuleOption(key: string, value: string): string {
  if (key === 'resources') return splitList(value).map(normalSid).sort().join(',');
  return key === 'nodes' ? [...splitList(value)].sort().join(',') : value;
}

function checkReferences(world: World, { options }: HaRule): void {
  const sids = splitList(options.get('resources') ?? '').filter((sid) => !world.ha.resources.has(sid));
  if (sids.length > 0) throw failure(`cannot use unmanaged resource(s) ${sids.join(', ')}.`);
  const nodes = splitList(options.get('nodes') ?? '')
    .map((node) => node.split(':')[0] ?? '')
    .filter((node) => !world.nodes.has(node));
  if (nodes.length > 0) throw failure(`cannot use non-existent node(s) ${nodes.join(', ')}.`);
}

const shared = (rule: HaRule, other: HaRule): number =>
  resourcesOf(rule).filter((sid) => resourcesOf(other).includes(sid)).length;

const priorities = ({ options }: HaRule): number =>
  new Set(splitList(options.get('nodes') ?? '').map((node) => node.split(':')[1] ?? '')).size;

/** What makes a rule of nodes impossible beside the others. */
const nodeProblems = (rule: HaRule, others: readonly HaRule[]): readonly string[] =>
  resourcesOf(rule).flatMap((sid) =>
    others.some((other) => typeOf(other) === 'node-affinity' && resourcesOf(other).includes(sid))
      ? [`resource '${sid}' is already used in another node affinity rule`]
      : [],
  );

/** What makes a rule of resources impossible beside the others. */
function resourceProblems(world: World, rule: HaRule, others: readonly HaRule[]): readonly string[] {
  const isPositive = rule.options.get('affinity') === 'positive';
  const pinned = others.filter((other) => typeOf(other) === 'node-affinity' && shared(rule, other) > 0);
  const contrary = others.filter(
    (other) => typeOf(other) === 'resource-affinity' && other.options.get('affinity') === 'negative',
  );
  const problems: readonly (readonly [boolean, string])[] = [
    [resourcesOf(rule).length < 2, 'rule is ineffective as there are less than two resources'],
    [isPositive && pinned.length > 1, 'resources are in multiple node affinity rules'],
    [
      pinned.some((other) => priorities(other) > 1),
      'resources are in node affinity rules with multiple priorities',
    ],
    [
      !isPositive && resourcesOf(rule).length > world.nodes.size,
      'rule defines more resources than available nodes',
    ],
    [
      isPositive && contrary.some((other) => shared(rule, other) > 1),
      'rule shares two or more resources with a negative resource affinity rule',
    ],
  ];
  return problems.filter(([applies]) => applies).map(([, problem]) => problem);
}

function problemsOf(world: World, rule: HaRule): readonly string[] {
  if (!isEnabled(rule)) return [];
  const others = [...world.ha.rules.values()].filter((other) => other.rule !== rule.rule && isEnabled(other));
  return typeOf(rule) === 'node-affinity'
    ? nodeProblems(rule, others)
    : resourceProblems(world, rule, others);
}

/** Refuses a rule that refers to what does not exist, or contradicts others. */
export function checkRule(world: World, rule: HaRule): void {
  checkReferences(world, rule);
  const problems = problemsOf(world, rule);
  if (problems.length > 0)
    throw new PveError(500, `400 Rule '${rule.rule}' is invalid.\nresources: ${problems.join(', ')}\n`);
}

export const rulesDigest = ({ ha }: World): string =>
  createHash('sha1')
    .update(JSON.stringify([...ha.rules.values()].map(({ rule, options }) => [rule, ...options])))
    .digest('hex');

/** A rule as the API shows it. */
export function describeRule(world: World, rule: HaRule): object {
  const flags = new Set(['strict', 'disable']);
  const options = [...rule.options].map(
    ([key, value]) => [key, flags.has(key) ? Number(value) : value] as const,
  );
  const problems = problemsOf(world, rule);
  return {
    rule: rule.rule,
    order: [...world.ha.rules.keys()].indexOf(rule.rule) + 1,
    digest: rulesDigest(world),
    ...Object.fromEntries(options),
    ...(problems.length === 0 ? {} : { errors: { resources: problems } }),
  };
}

/** Takes a resource that is no longer managed out of all rules; those without any are removed. */
export function dropFromRules({ ha }: World, sid: string): void {
  for (const rule of ha.rules.values()) {
    const rest = resourcesOf(rule).filter((other) => other !== sid);
    if (rest.length === 0) ha.rules.delete(rule.rule);
    else rule.options.set('resources', rest.join(','));
  }
}

function related({ ha }: World, vmid: number, affinity: 'positive' | 'negative'): readonly string[] {
  const sid = `vm:${vmid}`;
  const rules = [...ha.rules.values()].filter(
    (rule) => isEnabled(rule) && rule.options.get('affinity') === affinity && resourcesOf(rule).includes(sid),
  );
  return [...new Set(rules.flatMap(resourcesOf))].filter((other) => other !== sid);
}

export interface Blocker {
  readonly sid: string;
  readonly cause: 'resource-affinity';
}

/** Resources on the node that the guest must be apart from. */
export const blockersOn = (world: World, vmid: number, node: string): readonly Blocker[] =>
  related(world, vmid, 'negative')
    .filter((sid) => world.guests.get(Number(sid.slice('vm:'.length)))?.node === node)
    .map((sid) => ({ sid, cause: 'resource-affinity' }));

/** Resources that move together with the guest. */
export const dependentsOf = (world: World, vmid: number): readonly string[] =>
  related(world, vmid, 'positive');
