/** The events of a VM, as `kubectl describe` lists them. Pure. */
import type { Reason, VirtualMachine } from '../../../src/api/index.ts';
import type { EventNote } from '../../../src/runtime/controller.ts';
import type { Outcome } from '../../../src/runtime/outcome.ts';
import { condition, normal, warning } from '../../shared/errors/event.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { Facts } from '../model/facts.ts';
import { failureMessage } from '../../shared/tasks/labels.ts';
import { transientReason } from '../../shared/tasks/transient.ts';
import { infoOf, TASKS } from '../steps/step-info.ts';

interface Announced extends Pick<Facts, 'plan' | 'have'>, Partial<Pick<Facts, 'started'>> {
  /** The guest is being made, and its creation was announced. */
  readonly isBeingMade?: boolean;
}

/** A VM that is cloned or created, and has not been as its spec says yet. */
export const isBeingMade = ({ status }: VirtualMachine): boolean =>
  status?.cloneType !== undefined && status.createdAt === undefined;

export function eventsOf({ plan, have, started, isBeingMade: isNew = false }: Announced): EventNote[] {
  const { task, failure } = have;
  return [
    ...(task?.state === 'failed' && failure && transientReason(task.exit) === undefined
      ? [warning('TaskFailed', failureMessage(TASKS, failure))]
      : []),
    ...ofHook(have.hook, started),
    ...ofDrift(plan, have),
    ...ofRestart(plan, have),
    ...ofAdoption(plan, have),
    ...(isNew && isPartOfCreation(plan) ? [] : ofStep(plan, have)),
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

const PARTS_OF_CREATION: ReadonlySet<Step['do']> = new Set<Step['do']>(['configure', 'growDisk', 'start']);

/** `Creating` announces them, and each event is a write: phase and message say how far the creation is. */
const isPartOfCreation = (plan: Plan): boolean => plan.kind === 'act' && PARTS_OF_CREATION.has(plan.step.do);

/** What is refused makes the VM stalled, which the engine announces. Cleaning up changes nothing for anybody. */
function ofStep(plan: Plan, { claim, presence }: Facts['have']): EventNote[] {
  if (plan.kind !== 'act' || infoOf(plan.step).isCleanup?.(plan.step) === true) return [];
  const config = presence.kind === 'seen' ? presence.guest.config : undefined;
  const event = infoOf(plan.step).event?.(plan.step, `VM ${claim?.vmid ?? ''}`.trim(), config);
  return event ? [normal(event.reason, event.message)] : [];
}

/** What a VM waits for until a person does something. Which Provider does not answer, that announces itself. */
const AWAITED_OF_PEOPLE: ReadonlySet<string> = new Set<Reason>([
  'AddressInUse',
  'AdoptedVMNotFound',
  'BridgeNotFound',
  'ClassNotFound',
  'ImageNotFound',
  'ImportNotFound',
  'IsoNotFound',
  'NoEligibleNode',
  'NoFreeVmid',
  'NoIsoStorage',
  'PoolNotFound',
  'ProviderNotFound',
  'QuotaExceeded',
  'ReferenceNotAllowed',
  'SecretKeyNotFound',
  'SecretNotFound',
  'SnapshotNotFound',
  'SnippetNotFound',
  'SourceNotAllowed',
  'TemplateNotFound',
  'VMNotFound',
  'VmidTaken',
  'VolumeLeftBehind',
]);

/** What keeps an object that is being deleted is announced also where it concerns others. */
const KEEPS_THE_OBJECT: ReadonlySet<string> = new Set<Reason>([
  'InUse',
  'ManagementPaused',
  'ProviderNotReady',
  'ProviderUnreachable',
]);

/** It is announced once, when it begins. What is stalled is announced for every kind alike. */
export function newsOf({ metadata, status }: VirtualMachine, outcome: Outcome): readonly EventNote[] {
  const deleting = metadata.deletionTimestamp !== undefined;
  // While an object is being deleted, Ready says only that.
  const said = status?.conditions?.find(({ type }) => type === (deleting ? 'Reconciling' : 'Ready'));
  return outcome.kind === 'waiting' &&
    outcome.reason !== said?.reason &&
    (AWAITED_OF_PEOPLE.has(outcome.reason) || (deleting && KEEPS_THE_OBJECT.has(outcome.reason)))
    ? [condition(outcome.reason, outcome.message)]
    : [];
}
