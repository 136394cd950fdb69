/** What would be done if the annotation were not there: sentences for `status.plan`. Pure. */
import { DRY_RUN } from '../../../src/api/index.ts';
import { formatQuantity } from '../../../src/lib/quantity.ts';
import { keyChanges } from '../config/key-changes.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { Desired } from '../model/desired.ts';
import type { Creation } from '../model/placement.ts';
import { opinions } from '../plan/plan.ts';
import { messageOf } from './message.ts';
import { wait } from '../../shared/plan/rule.ts';

const MOST = 16;
const LONGEST = 1024;
const LOOK_AGAIN_MS = 5 * 60_000;

const DELETION_EFFECT = {
  Delete: 'the VM would be shut down and destroyed',
  Retain: 'the VM would be let go and stay',
  Stop: 'the VM would be shut down and stay',
} as const;

type Wanted = Extract<Desired, { exists: true }>;

/** Stops where something would be done. Letting go of what is not there any more changes nothing. */
export function asDryRun(next: Plan, want: Desired): Plan {
  if (next.kind !== 'act' || next.step.do === 'releaseClaim') return next;
  const what = want.exists
    ? 'Nothing is changed in Proxmox VE; status.plan says what would be.'
    : `It holds the deletion: ${DELETION_EFFECT[want.deletionPolicy]}, as status.plan says.`;
  return wait(
    'DryRun',
    `The annotation ${DRY_RUN} is set. ${what} Remove the annotation to go on.`,
    LOOK_AGAIN_MS,
  );
}

/** Empty: nothing would be done. */
export function dryRunPlan(want: Desired, have: Observed): string[] {
  const sentences =
    want.exists && have.claim?.made !== true && have.presence.kind !== 'seen'
      ? creationOf(want, have)
      : changesOf(want, have);
  return sentences.slice(0, MOST).map(cut);
}

function creationOf(want: Wanted, have: Observed): string[] {
  const [first] = opinions(want, have);
  // Something else comes first, such as the guest of a former object.
  if (first && first.kind !== 'act') return [messageOf(first) ?? ''];
  return [
    howMade(want.creation),
    `It gets ${want.cpus} CPUs and ${formatQuantity(want.memory)} of memory.`,
    ...(want.nics ?? []).map(({ name, bridge }) => `Its network ${name} is on ${bridge}.`).slice(0, 8),
    ...(want.rootDisk === undefined ? [] : [`Its root disk is grown to ${formatQuantity(want.rootDisk)}.`]),
    ...(want.cloudInit && (want.cloudInit.userData !== undefined || want.cloudInit.sshKeys.length > 0)
      ? ['cloud-init gets its user data and SSH keys.']
      : []),
    want.power === 'On' ? 'It is started.' : 'It stays off.',
  ];
}

const howMade = (creation: Creation): string =>
  creation.ok
    ? `A VM is made on node ${creation.node} as ${creation.full ? 'a full' : 'a linked'} clone of ${creation.template}.`
    : `No VM can be made now: ${creation.message}`;

const changesOf = (want: Desired, have: Observed): string[] =>
  opinions(want, have).flatMap((opinion) => {
    const told = opinion.kind === 'act' ? stepOf(opinion.step, have) : messageOf(opinion);
    return told === undefined ? [] : [told];
  });

function stepOf(step: Step, { change, presence, restart }: Observed): string | undefined {
  const config = presence.kind === 'seen' ? presence.guest.config : {};
  if (step.do === 'configure' || step.do === 'clearApplied')
    return change && `The configuration is written: ${keyChanges(change, config, 'forth').join(', ')}.`;
  if (step.do === 'growDisk') return `${step.disk} is grown to ${formatQuantity(step.to)}.`;
  if (step.do === 'recordRestart') return restart?.note ? 'The VM is restarted.' : undefined;
  return messageOf({ kind: 'act', step });
}

function cut(text: string): string {
  const characters = Array.from(text);
  return characters.length <= LONGEST ? text : `${characters.slice(0, LONGEST - 1).join('')}…`;
}
