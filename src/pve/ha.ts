/** `/cluster/ha`: the resources of the HA manager, and its rules, which exist from PVE 9.0 on. */
import { z } from 'zod';
import { vmid, type NodeName, type Vmid } from '../lib/units.ts';
import { endpoint, type CallOptions, type Need, type Send } from './endpoint.ts';
import { Flag, maybe, Nothing, rows, Sentence, Text, Word } from './wire.ts';

/** PVE's own limit is that of a request; ours keeps one rule from holding everything up. */
const MAX_LISTED = 4096;
const MAX_LENGTH = 65_536;
const SEPARATORS = /[;,\s]+/;

const Listed = Text.transform((text) =>
  text
    .slice(0, MAX_LENGTH)
    .split(SEPARATORS, MAX_LISTED)
    .filter((entry) => entry !== ''),
);

/** `vm:100`; of containers nothing is known. */
function vmidOf(sid: string): readonly Vmid[] {
  const [, digits] = /^vm:([1-9]\d{2,8})$/.exec(sid) ?? [];
  return digits === undefined ? [] : [vmid(Number(digits))];
}

/** By the parameter that PVE finds fault with. */
const Errors = z
  .record(z.string(), z.array(Sentence))
  .transform((byKey) => Object.values(byKey).flat().slice(0, 4));

const RuleRow = z
  .object({
    rule: Word,
    type: Word,
    resources: maybe(Listed),
    nodes: maybe(Listed),
    affinity: maybe(Word),
    strict: Flag,
    disable: Flag,
    comment: maybe(Text),
    digest: maybe(Word),
    errors: maybe(Errors),
  })
  .transform(({ rule, type, resources = [], nodes = [], ...rest }) => ({
    rule,
    type,
    members: resources.flatMap(vmidOf),
    hasOthers: resources.some((sid) => vmidOf(sid).length === 0),
    /** As PVE has them, with priorities: `pve-1:2`. */
    nodes,
    affinity: rest.affinity,
    strict: rest.strict,
    disabled: rest.disable,
    comment: rest.comment ?? '',
    digest: rest.digest,
    errors: rest.errors ?? [],
  }));

/** A rule as PVE lists it. */
export interface HaRule {
  readonly rule: string;
  /** node-affinity or resource-affinity. */
  readonly type: string;
  readonly members: readonly Vmid[];
  /** It has resources that are not VMs. */
  readonly hasOthers: boolean;
  readonly nodes: readonly string[];
  readonly affinity: string | undefined;
  readonly strict: boolean;
  readonly disabled: boolean;
  readonly comment: string;
  /** Of the file with all rules. */
  readonly digest: string | undefined;
  /** Why PVE does not apply it. */
  readonly errors: readonly string[];
}

const ResourceRow = z.object({ sid: Word }).transform(({ sid }) => vmidOf(sid));

/** A letter first (`pve-configid`). */
const RuleName = z.string().regex(/^[a-z][a-z0-9_-]{1,63}$/i, 'not the name of an HA rule');

const Settings = z.object({
  rule: RuleName,
  type: z.enum(['node-affinity', 'resource-affinity']),
  resources: z.string(),
  nodes: z.string().optional(),
  affinity: z.enum(['positive', 'negative']).optional(),
  comment: z.string().max(4096),
});

/** The same as for the quorum, whose feature is always in use. */
const audit: Need = { path: '/', anyOf: ['Sys.Audit'], feature: 'quorum' };
const write: Need = { path: '/', anyOf: ['Sys.Console'], since: 9, feature: 'haRules' };

export const HA = {
  resources: endpoint({
    method: 'GET',
    path: '/cluster/ha/resources',
    params: z.object({}),
    reply: rows(ResourceRow).transform((all) => all.flat()),
    needs: [audit],
  }),
  rules: endpoint({
    method: 'GET',
    path: '/cluster/ha/rules',
    since: '9.0',
    params: z.object({}),
    reply: rows(RuleRow),
    needs: [audit],
  }),
  // Once it is sent late the policy may be deleted: nobody would remove the rule.
  create: endpoint({
    method: 'POST',
    path: '/cluster/ha/rules',
    since: '9.0',
    params: Settings,
    reply: Nothing,
    needs: [write],
    irreversible: true,
  }),
  update: endpoint({
    method: 'PUT',
    path: '/cluster/ha/rules/{rule}',
    since: '9.0',
    params: Settings.extend({ digest: z.string().optional(), delete: z.string().optional() }),
    reply: Nothing,
    needs: [write],
  }),
  remove: endpoint({
    method: 'DELETE',
    path: '/cluster/ha/rules/{rule}',
    since: '9.0',
    params: z.object({ rule: RuleName }),
    reply: Nothing,
    needs: [write],
    irreversible: true,
  }),
} as const;

/** The settings of a rule that the operator writes. */
export interface HaRuleSettings {
  readonly rule: string;
  readonly members: readonly Vmid[];
  /** With nodes it is a node-affinity rule. */
  readonly nodes?: readonly NodeName[] | undefined;
  /** With affinity it is a resource-affinity rule. */
  readonly affinity?: 'positive' | 'negative' | undefined;
  readonly comment: string;
}

export interface Ha {
  /** VMIDs of the VMs that HA manages. @throws PveError `forbidden` without Sys.Audit on `/` */
  resources(options?: CallOptions): Promise<readonly Vmid[]>;
  /** All rules. PVE before 9.0 has none, and does not know the call. */
  rules(options?: CallOptions): Promise<readonly HaRule[]>;
  createRule(settings: HaRuleSettings, options?: CallOptions): Promise<void>;
  /** Rejected as `stale` if the rules have another digest. */
  updateRule(
    settings: HaRuleSettings,
    change: { readonly digest: string | undefined; readonly delete: readonly string[] },
    options?: CallOptions,
  ): Promise<void>;
  /** A rule that does not exist is no error. */
  removeRule(rule: string, options?: CallOptions): Promise<void>;
}

const settingsOf = ({
  rule,
  members,
  nodes,
  affinity,
  comment,
}: HaRuleSettings): z.input<typeof Settings> => ({
  rule,
  type: nodes ? 'node-affinity' : 'resource-affinity',
  resources: members.map((id) => `vm:${id}`).join(','),
  ...(nodes && { nodes: nodes.join(',') }),
  ...(affinity && { affinity }),
  comment,
});

export const ha = (send: Send): Ha => ({
  resources: (options) => send(HA.resources, {}, options),
  rules: (options) => send(HA.rules, {}, options),
  createRule: (settings, options) => send(HA.create, settingsOf(settings), options),
  updateRule: (settings, { digest, delete: keys }, options) =>
    send(
      HA.update,
      {
        ...settingsOf(settings),
        digest,
        ...(keys.length > 0 && { delete: keys.join(',') }),
      },
      options,
    ),
  removeRule: (rule, options) => send(HA.remove, { rule }, options),
});
