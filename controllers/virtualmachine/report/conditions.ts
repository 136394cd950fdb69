/** The observation of a pass → the conditions other than Ready, Reconciling and Stalled. Pure. */
import { RESTARTED_AT, type Reason } from '../../../src/api/index.ts';
import type { DomainCondition } from '../../../src/runtime/controller.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { driftSentences } from '../config/drift.ts';
import { withheldMessage } from '../plan/management.ts';
import { pendingSentence, pendingSentences } from './pending.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import type { Desired, Restraint } from '../model/desired.ts';
import type { Placement } from '../../shared/placement/model.ts';
import { chosenSentence, placedSentence } from '../placement/chosen.ts';
import type { Agent, Facts } from '../model/facts.ts';

export function reportConditions(facts: Facts): DomainCondition[] {
  const { want, have, plan, agent, agentProblem = '', differences, notGranted, ignored } = facts;
  if (!want.exists) return [];
  const guest = have.presence.kind === 'seen' ? have.presence.guest : undefined;
  return [
    ...placed(want, facts),
    ...synced(guest, plan, {
      differences,
      notGranted,
      drifted: driftSentences(have),
      pending: guest ? pendingSentences(guest, have) : [],
      restraint: want.restraint,
    }),
    ...agentCondition(guest, agent, agentProblem),
    ...restart(guest, have),
    ...fieldsIgnored(ignored),
  ];
}

const condition = (
  type: DomainCondition['type'],
  status: DomainCondition['status'],
  reason: Reason,
  message: string,
): DomainCondition => ({ type, status, reason, message });

function placed(want: Extract<Desired, { exists: true }>, facts: Facts): DomainCondition[] {
  const { have } = facts;
  if (have.presence.kind === 'seen') return [placedOn(have.presence.guest, have.claim?.placement)];
  // It was made, so where another would be made is not decided.
  if (have.claim?.made) return [];
  const { creation } = want;
  if (!creation.ok) return [condition('Placed', 'False', creation.reason, creation.message)];
  return isRefused(facts)
    ? []
    : [condition('Placed', 'True', 'NodeChosen', `The VM ${phraseOf(facts)} ${chosenSentence(creation)}.`)];
}

/** Ready says why it is not made, so nothing says where. */
const isRefused = ({ have, plan, started }: Facts): boolean =>
  plan.kind === 'refuse' || have.failure !== undefined || started?.kind === 'failed';

const phraseOf = ({ plan, dryRun }: Facts): string =>
  plan.kind === 'withheld' || dryRun ? 'would be made' : 'is to be made';

function placedOn(guest: Guest, placement: Placement | undefined): DomainCondition {
  const where = placedSentence(guest, placement);
  return guest.ha.managed
    ? condition(
        'Placed',
        'True',
        'ManagedByHA',
        `${where} HA of Proxmox VE manages it: the operator starts and stops it by request, and HA may move it.`,
      )
    : condition('Placed', 'True', 'Placed', where);
}

interface Apart {
  readonly differences: readonly string[];
  /** What the guest has and would no longer be granted. */
  readonly notGranted: readonly string[];
  readonly drifted: readonly string[];
  readonly pending: readonly string[];
  readonly restraint: Restraint | undefined;
}

function synced(
  guest: Guest | undefined,
  plan: Plan,
  { differences, notGranted, drifted, pending, restraint }: Apart,
): DomainCondition[] {
  if (plan.kind === 'withheld')
    return [
      condition(
        'Synced',
        'False',
        plan.by,
        [withheldMessage(plan), ...drifted, ...differences, ...notGranted].join(' '),
      ),
    ];
  if (!guest) return [];
  const apart = apartBy({ differences, notGranted, drifted, pending });
  const [first] = apart;
  if (first)
    return [
      condition('Synced', 'False', first.reason, apart.flatMap(({ sentences }) => sentences).join(' ')),
    ];
  return plan.kind === 'steady'
    ? [condition('Synced', 'True', restraint ?? 'InSync', 'Proxmox VE runs what the spec says.')]
    : [];
}

interface ApartBy {
  readonly reason: Reason;
  readonly sentences: readonly string[];
}

/** The most important first. */
function apartBy({
  differences,
  notGranted,
  drifted,
  pending,
}: Omit<Apart, 'restraint'>): readonly ApartBy[] {
  const all: readonly ApartBy[] = [
    { reason: 'Drifted', sentences: drifted },
    { reason: 'Different', sentences: differences },
    { reason: 'NotGranted', sentences: notGranted },
    { reason: 'PendingChanges', sentences: pending },
  ];
  return all.filter(({ sentences }) => sentences.length > 0);
}

/** Where the agent was not asked, nothing says that none is installed. */
const agentUnknown = (reason: Reason, problem: string): DomainCondition =>
  condition(
    'GuestAgentConnected',
    'Unknown',
    reason,
    `The QEMU guest agent could not be queried, so new addresses are not known. ${problem}`,
  );

/** It is not enabled in a VM that was adopted. */
const notConfigured = ({ vmid, pending }: Guest): string =>
  `The QEMU guest agent is not enabled for the running VM. ${
    pending.some(({ key }) => key === 'agent')
      ? 'It is from the next stop and start on.'
      : `Enable it, and stop and start the VM; on a node: qm set ${vmid} --agent 1`
  }`;

function agentCondition(guest: Guest | undefined, agent: Agent, problem: string): DomainCondition[] {
  if (!guest?.running) return [];
  switch (agent) {
    case 'running':
      return [condition('GuestAgentConnected', 'True', 'Connected', 'The QEMU guest agent answers.')];
    case 'silent':
      return [
        condition(
          'GuestAgentConnected',
          'False',
          'NotRunning',
          'The QEMU guest agent does not answer. Without it no addresses are known; install qemu-guest-agent in the guest.',
        ),
      ];
    case 'notConfigured':
      return [condition('GuestAgentConnected', 'False', 'NotConfigured', notConfigured(guest))];
    case 'refused':
      return [
        condition(
          'GuestAgentConnected',
          'True',
          'AgentError',
          `The QEMU guest agent answers, but does not report addresses: ${problem} Allow guest-network-get-interfaces in its configuration.`,
        ),
      ];
    case 'forbidden':
      return [agentUnknown(Reasons.missingPrivilege, problem)];
    case 'unreachable':
      return [agentUnknown(Reasons.unreachable, problem)];
    case 'failed':
      return [agentUnknown(Reasons.refused, problem)];
    case 'notAsked':
      return [];
    default:
      return agent satisfies never;
  }
}

/** It was stopped for its changes, and a step that is to bring it up again fails. */
const staysDown = ({ restart: judged, failure }: Observed): boolean =>
  judged?.note?.cause === 'PendingChanges' && failure !== undefined && failure.attempts > 0;

function restart(guest: Guest | undefined, have: Observed): DomainCondition[] {
  const required = (reason: Reason, message: string): DomainCondition[] => [
    condition('RestartRequired', 'True', reason, message),
  ];
  if (guest && !guest.running && staysDown(have))
    return required(
      'RolloutStopped',
      'The VM was stopped for a restart and does not come up again; no other VM of its class is restarted until it does.',
    );
  if (!guest?.running) return [];
  const { scheduled } = have.restart ?? {};
  if (scheduled !== undefined)
    return required(
      'RestartScheduled',
      `The VM is restarted at ${scheduled}, the time of the annotation ${RESTARTED_AT}, which is in the future. To restart it now, set the annotation to the present time.`,
    );
  const pending = pendingSentence(guest, have);
  if (pending === undefined) return [];
  const { reason } = have.restart?.held ?? { reason: 'PendingChanges' };
  return required(reason, pending);
}

const fieldsIgnored = (ignored: readonly string[]): DomainCondition[] =>
  ignored.length > 0 ? [condition('FieldsIgnored', 'True', 'NoEffect', ignored.join(' '))] : [];
