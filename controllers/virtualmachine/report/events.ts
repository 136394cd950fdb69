/** The events of a VM, as `kubectl describe` lists them. Pure. */
import type { Reason, VirtualMachine } from '../../../src/api/index.ts';
import type { EventNote } from '../../../src/runtime/controller.ts';
import type { Outcome } from '../../../src/runtime/outcome.ts';
import { normal, warning } from '../../shared/errors/event.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { Facts } from '../model/facts.ts';
import { failureMessage } from '../../shared/tasks/labels.ts';
import { transientReason } from '../../shared/tasks/transient.ts';
import { infoOf, TASKS } from '../steps/step-info.ts';

export function eventsOf({
  plan,
  have,
  started,
}: Pick<Facts, 'plan' | 'have'> & Partial<Pick<Facts, 'started'>>): EventNote[] {
  const { task, failure } = have;
  return [
    ...(task?.state === 'failed' && failure && transientReason(task.exit) === undefined
      ? [warning('TaskFailed', failureMessage(TASKS, failure))]
      : []),
    ...ofHook(have.hook, started),
    ...ofDrift(plan, have),
    ...ofRestart(plan, have),
    ...ofAdoption(plan, have),
    ...ofPlan(plan, have.claim?.vmid),
    ...ofCopy(plan),
  ];
}

function ofRestart(plan: Plan, { restart, claim }: Facts['have']): EventNote[] {
  const vm = `VM ${claim?.vmid ?? ''}`;
  if (restart?.expired !== undefined)
    return [
      warning(
        'RestartExpired',
        `${vm} is not restarted: the request of ${restart.expired} was older than 24 hours when it was first seen or became possible. Set the annotation to a later time to restart the VM.`,
      ),
    ];
  if (!restart?.note || plan.kind !== 'act' || plan.step.do !== 'shutdown') return [];
  const why =
    restart.note.cause === 'Requested'
      ? `as requested at ${restart.note.of}`
      : 'so that its pending changes take effect';
  return [normal('Restarting', `Restarting ${vm}, ${why}.`)];
}

/** Keys only: values may be secrets. */
function ofAdoption(plan: Plan, { claim, change, presence }: Facts['have']): EventNote[] {
  if (plan.kind !== 'act' || plan.step.do !== 'adopt' || presence.kind !== 'seen') return [];
  const keys = change ? [...Object.keys(change.set), ...change.delete] : [];
  const differs = keys.length > 0 ? ` It differs from the spec in: ${keys.join(', ')}.` : '';
  return [normal('Adopting', `Adopting VM ${claim?.vmid ?? ''} on node ${presence.guest.node}.${differs}`)];
}

/** A hook is reported when it has ended, in the pass that observes it. */
function ofHook(now: Observed['hook'], started?: Facts['started']): EventNote[] {
  const hook = started?.kind === 'hook' ? started.hook : now?.ended ? now : undefined;
  if (!hook || (hook.state !== 'Succeeded' && hook.state !== 'Failed')) return [];
  const outcome =
    hook.exitCode === undefined
      ? 'did not finish. Check that the guest agent runs and that the credentials have the privilege VM.GuestAgent.Unrestricted.'
      : `ended with exit code ${hook.exitCode}.`;
  return hook.state === 'Failed'
    ? [warning('HookFailed', `The hook ${hook.name} ${outcome}`)]
    : [normal('HookSucceeded', `The hook ${hook.name} ${outcome}`)];
}

const ofDrift = (plan: Plan, { drift, claim }: Facts['have']): EventNote[] =>
  drift?.reverted && plan.kind === 'act' && plan.step.do === 'configure'
    ? [
        warning(
          'RevertingDrift',
          `VM ${claim?.vmid ?? ''} was changed in Proxmox VE. Reverting it to the spec: ${drift.summary}.`,
        ),
      ]
    : [];

/** What nobody but the guest can change of its disks. */
function ofCopy(plan: Plan): EventNote[] {
  if (plan.kind !== 'act' || plan.step.do !== 'clone') return [];
  const { vmid, creation } = plan.step;
  const { copy, template } = creation;
  if (!copy) return [];
  const { of, running, snapname, hookscript } = copy;
  const sentences = [
    `The disks of VM ${vmid} are copies of those of ${of}.`,
    running && snapname === undefined && `VM ${template} runs, so they are as after a power failure.`,
    'They keep the machine-id and, unless cloud-init makes new ones, the SSH host keys. User data that replaces them: #cloud-config {ssh_deletekeys: true, runcmd: ["truncate -s 0 /etc/machine-id"], power_state: {mode: reboot}}.',
    hookscript !== undefined &&
      `The VM keeps the hook script ${hookscript}, which only root@pam may remove: qm set ${vmid} --delete hookscript`,
  ];
  return [normal('GuestCopied', sentences.filter((sentence) => sentence !== false).join(' '))];
}

function ofPlan(plan: Plan, vmid: number | undefined): EventNote[] {
  if (plan.kind === 'refuse') return [{ type: 'Warning', reason: plan.reason, message: plan.message }];
  return plan.kind === 'act' ? ofStep(plan.step, vmid) : [];
}

function ofStep(step: Step, vmid: number | undefined): EventNote[] {
  const event = infoOf(step).event?.(step, `VM ${vmid ?? ''}`.trim());
  return event ? [normal(event.reason, event.message)] : [];
}

/** What a VM waits for until a person does something. */
const AWAITED_OF_PEOPLE: ReadonlySet<string> = new Set<Reason>([
  'BridgeNotFound',
  'ClassNotFound',
  'ImageNotFound',
  'NoEligibleNode',
  'ProviderNotFound',
  'ReferenceNotAllowed',
  'SecretKeyNotFound',
  'SecretNotFound',
  'SnapshotNotFound',
  'SourceNotAllowed',
  'VMNotFound',
]);

/** It is announced when it begins. What is stalled is announced for every kind alike. */
export function newsOf({ metadata, status }: VirtualMachine, outcome: Outcome): readonly EventNote[] {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return metadata.deletionTimestamp === undefined &&
    outcome.kind === 'waiting' &&
    outcome.reason !== ready?.reason &&
    AWAITED_OF_PEOPLE.has(outcome.reason)
    ? [{ type: 'Warning', reason: outcome.reason, message: outcome.message }]
    : [];
}
