/** The story of a VM, as `kubectl describe` tells it. Pure. */
import type { EventNote } from '../../../src/runtime/controller.ts';
import { formatQuantity } from '../../../src/lib/quantity.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import { chosenSentence } from '../placement/chosen.ts';
import type { Facts } from '../model/facts.ts';

const normal = (reason: string, message: string): EventNote => ({ type: 'Normal', reason, message });
const warning = (reason: string, message: string): EventNote => ({ type: 'Warning', reason, message });

export function eventsOf({
  plan,
  have,
  started,
}: Pick<Facts, 'plan' | 'have'> & Partial<Pick<Facts, 'started'>>): EventNote[] {
  const { task, failure } = have;
  return [
    ...(task?.state === 'failed' && failure
      ? [warning('TaskFailed', `Proxmox VE failed at "${failure.step}": ${failure.message}`)]
      : []),
    ...ofHook(have.hook, started),
    ...ofDrift(plan, have),
    ...ofRestart(plan, have),
    ...ofAdoption(plan, have),
    ...ofPlan(plan, have.claim?.vmid),
  ];
}

function ofRestart(plan: Plan, { restart, claim }: Facts['have']): EventNote[] {
  const vm = `VM ${claim?.vmid ?? ''}`;
  if (restart?.expired !== undefined)
    return [
      warning(
        'RestartExpired',
        `${vm} is not restarted: the request of ${restart.expired} was older than 24 hours when it was first seen. Set the annotation to a later time to restart the VM.`,
      ),
    ];
  if (!restart?.note || plan.kind !== 'act' || plan.step.do !== 'shutdown') return [];
  const why =
    restart.note.cause === 'Requested'
      ? `as requested at ${restart.note.of}`
      : 'so that its changes take effect';
  return [normal('Restarting', `${vm} is restarted, ${why}.`)];
}

/** Keys only: values may be secrets. */
function ofAdoption(plan: Plan, { claim, change, presence }: Facts['have']): EventNote[] {
  if (plan.kind !== 'act' || plan.step.do !== 'adopt' || presence.kind !== 'seen') return [];
  const keys = change ? [...Object.keys(change.set), ...change.delete] : [];
  const differs = keys.length > 0 ? ` What differs from the spec: ${keys.join(', ')}.` : '';
  return [
    normal('Adopting', `VM ${claim?.vmid ?? ''} on node ${presence.guest.node} is taken over.${differs}`),
  ];
}

/** A hook is told as it ends, in the pass that finds it out. */
function ofHook(now: Observed['hook'], started?: Facts['started']): EventNote[] {
  const hook = started?.kind === 'hook' ? started.hook : now?.ended ? now : undefined;
  if (!hook || (hook.state !== 'Succeeded' && hook.state !== 'Failed')) return [];
  const told =
    hook.exitCode === undefined
      ? 'did not run to its end: is the guest agent there, and has the operator VM.GuestAgent.Unrestricted?'
      : `ended with exit code ${hook.exitCode}.`;
  return hook.state === 'Failed'
    ? [warning('HookFailed', `The hook ${hook.name} ${told}`)]
    : [normal('HookSucceeded', `The hook ${hook.name} ${told}`)];
}

const ofDrift = (plan: Plan, { drift, claim }: Facts['have']): EventNote[] =>
  drift && plan.kind === 'act' && plan.step.do === 'configure'
    ? [
        warning(
          'RevertingDrift',
          `VM ${claim?.vmid ?? ''} was changed in Proxmox VE and is brought back to the spec: ${drift.told}.`,
        ),
      ]
    : [];

function ofPlan(plan: Plan, vmid: number | undefined): EventNote[] {
  if (plan.kind === 'refuse') return [warning(plan.reason, plan.message)];
  return plan.kind === 'act' ? ofStep(plan.step, vmid) : [];
}

function ofStep(step: Step, vmid: number | undefined): EventNote[] {
  const vm = `VM ${vmid ?? ''}`.trim();
  switch (step.do) {
    case 'clone': {
      const { creation } = step;
      return [normal('Creating', `VM ${step.vmid} is made ${chosenSentence(creation)}.`)];
    }
    case 'migrate':
      return [normal('Moving', `${vm} is moved to node ${step.move.to}.`)];
    case 'configure':
      return [
        normal(
          'Configuring',
          `${vm}: ${[...Object.keys(step.change.set), ...step.change.delete.map((key) => `${key} (removed)`)].join(', ')}.`,
        ),
      ];
    case 'growDisk':
      return [normal('GrowingDisk', `${vm}: ${step.disk} is grown to ${formatQuantity(step.to)}.`)];
    case 'moveDisk':
      return [normal('MovingDisk', `${vm}: disk ${step.name} (${step.disk}) is moved to ${step.storage}.`)];
    case 'attachDisk':
      return [normal('AttachingDisk', `${vm}: disk ${step.name} is attached as ${step.device}.`)];
    case 'detachDisk':
      return [
        normal(
          'DetachingDisk',
          `${vm}: disk ${step.name} left the spec and is detached from ${step.device}.`,
        ),
      ];
    case 'destroyDisk':
      return [
        normal(
          'DestroyingDisk',
          `${vm}: disk ${step.name} (${step.volume}) is destroyed, as its reclaimPolicy says.`,
        ),
      ];
    case 'start':
      return [normal('Starting', `${vm} is started.`)];
    case 'stop':
      return [normal('Stopping', `${vm} is stopped.`)];
    case 'shutdown':
      return [
        normal('ShuttingDown', `${vm} is asked to shut down, and stopped after ${step.graceSeconds} s.`),
      ];
    case 'destroy':
      return [normal('Destroying', `${vm} is destroyed.`)];
    case 'reserve':
    case 'adopt':
    case 'releaseClaim':
    case 'recordPlacement':
    case 'recordSeed':
    case 'clearApplied':
    case 'recordRestart':
    case 'recordTags':
    case 'recordDisks':
    case 'recordHook':
    case 'runHook':
    case 'uploadSeed':
    case 'deleteSeed':
      return [];
    default:
      return step satisfies never;
  }
}
