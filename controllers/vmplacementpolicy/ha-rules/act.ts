/** Makes one change to an HA rule: everything is read again first, and every VM that it names is proven. */
import type { VMPlacementPolicy } from '../../../src/api/index.ts';
import { PveError, type HaRule, type HaRuleSettings, type Pve } from '../../../src/pve/index.ts';
import type { EventNote, Pass } from '../../../src/runtime/controller.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { normal } from '../../shared/errors/event.ts';
import { forbiddenMessage } from '../../shared/errors/outcome-of.ts';
import { factsOf, keyOf, leftBehind, type Due, type LookPorts } from './look.ts';
import { guestsOf } from './places.ts';
import { isAsWritten, planRules, withMembers, type Change } from './plan.ts';
import { admitted, proveAll } from './prove.ts';

export interface ActPorts extends LookPorts {
  /** PVE clusters whose rules are being changed: all rules are one file. */
  readonly busy: Set<Connection['ledger']>;
}

interface Acted {
  readonly events?: readonly EventNote[];
  /** The rules of the Provider stay in Proxmox VE. */
  readonly isLeft?: boolean;
}

const NOTHING: Acted = {};

interface Acting {
  readonly policy: VMPlacementPolicy;
  readonly pass: Pass<VMPlacementPolicy>;
  readonly isEnding: boolean;
}

export async function act(due: Due, acting: Acting, ports: ActPorts): Promise<Acted> {
  const { ledger } = due.reached.connection;
  if (ports.busy.has(ledger)) return NOTHING;
  ports.busy.add(ledger);
  try {
    return await attempt(due, acting, ports);
  } finally {
    ports.busy.delete(ledger);
  }
}

async function attempt(due: Due, acting: Acting, ports: ActPorts): Promise<Acted> {
  const { rule } = due.rule;
  if (await isOutdated(acting)) return NOTHING;
  let change: Change | undefined;
  try {
    change = await confirmed(due, acting, ports);
    if (!change) return NOTHING;
    await send(due.reached.connection.pve, change);
  } catch (error) {
    if (!(error instanceof PveError)) throw error;
    return failed(error, due, acting, ports);
  } finally {
    ports.rounds.forget(due.reached.connection.pve);
  }
  ports.memory.accept(rule);
  ports.memory.settle(rule);
  return { events: [announced(due, change)] };
}

async function isOutdated({ policy, pass }: Acting): Promise<boolean> {
  const live = await pass.reread();
  return (
    live?.metadata.generation !== policy.metadata.generation ||
    live.metadata.deletionTimestamp !== policy.metadata.deletionTimestamp
  );
}

/** The change as a new read has it. `undefined`: there is nothing to do, or not yet. */
async function confirmed(
  { place, reached, rule: { rule }, change: expected }: Due,
  { policy, pass }: Acting,
  ports: ActPorts,
): Promise<Change | undefined> {
  const facts = factsOf({ policy, place }, reached, {
    ...ports,
    facts: await ports.rounds.fresh(reached.connection.pve),
  });
  const change = facts && planRules(facts).find((each) => each.rule === rule)?.change;
  if (change?.kind !== expected.kind || change.kind === 'remove')
    return change?.kind === expected.kind ? change : undefined;
  const members = change.kind === 'update' ? change.actual.members : [];
  const proofs = await proveAll(change.settings.members, guestsOf(place, reached), {
    connection: reached.connection,
    clusterId: ports.clusterId,
    signal: pass.signal,
  });
  const proven = provenChange(change, admitted(change.settings.members, proofs, members));
  const unproven = change.settings.members.filter((vmid) => proofs.get(vmid) !== 'proven');
  if (!proven) ports.memory.refuse(rule, keyOf(change), unprovenText(unproven));
  return proven;
}

const MAX_NAMED = 5;

const unprovenText = (vmids: readonly number[]): string =>
  `${vmids.slice(0, MAX_NAMED).join(', ')}${vmids.length > MAX_NAMED ? ` and ${vmids.length - MAX_NAMED} more` : ''} cannot be read, or are not proven to be the guests of their VMs`;

function provenChange(
  change: Exclude<Change, { kind: 'remove' }>,
  members: readonly HaRuleSettings['members'][number][],
): Change | undefined {
  const settings = withMembers(change.settings, members);
  if (change.kind === 'create') return settings && { ...change, settings };
  if (!settings) return { kind: 'remove', actual: change.actual };
  return isAsWritten(change.actual, settings) ? undefined : { ...change, settings };
}

function send({ ha }: Pick<Pve, 'ha'>, change: Change): Promise<void> {
  switch (change.kind) {
    case 'create':
      return ha.createRule(change.settings);
    case 'update':
      return ha.updateRule(change.settings, {
        digest: change.actual.digest,
        delete: surplusOf(change.actual),
      });
    case 'remove':
      return ha.removeRule(change.actual.rule);
    default:
      return change satisfies never;
  }
}

const surplusOf = ({ strict }: HaRule): readonly string[] => (strict ? ['strict'] : []);

/** The next pass plans again from what Proxmox VE then shows. */
function failed(error: PveError, due: Due, { isEnding }: Acting, { memory }: ActPorts): Acted {
  const { rule } = due.rule;
  const { refusal } = error;
  if (refusal === 'unknownOutcome') memory.doubt(rule);
  if (refusal === 'forbidden' && isEnding) {
    const { events } = leftBehind(due.place, 'the credentials of the Provider may not remove them');
    return { events, isLeft: true };
  }
  // Somebody else changed the rules: they are read again.
  if (!['unknownOutcome', 'stale', 'exists'].includes(refusal))
    memory.refuse(rule, keyOf(due.change), refusal === 'forbidden' ? forbiddenMessage(error) : error.message);
  return NOTHING;
}

function announced({ place: { provider } }: Due, change: Change): EventNote {
  const at = `of Provider ${provider.namespace}/${provider.name}`;
  if (change.kind === 'remove')
    return normal('HARuleRemoved', `Removed the HA rule ${change.actual.rule} ${at}.`);
  const { rule, members } = change.settings;
  return normal(
    'HARuleWritten',
    `${change.kind === 'create' ? 'Created' : 'Updated'} the HA rule ${rule} ${at}: VMs ${members.slice(0, MAX_NAMED).join(', ')}${members.length > MAX_NAMED ? ` and ${members.length - MAX_NAMED} more` : ''}.`,
  );
}
