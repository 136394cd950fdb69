/** The snapshot is taken: the name is reserved, the request announced, then sent. Pure. */
import { asSentence } from '../../../../src/lib/sentence.ts';
import { refuse, wait, type Refuse } from '../../../shared/plan/rule.ts';
import type { Desired } from '../../model/desired.ts';
import type { Observed } from '../../model/observed.ts';
import { blocked } from './blocked.ts';
import { maySend } from './doubt.ts';
import { ownOf } from '../../model/own.ts';
import { act, type Rule } from './rule.ts';

export const settled: Rule = (want, have) => {
  const own = ownOf(have);
  return want.exists && own !== undefined && own.state === undefined ? { kind: 'settled' } : undefined;
};

/** It ends attempts; a task that runs is awaited. */
export const deadline: Rule = ({ exists, deadline: at }, { now, failure }) =>
  exists && at !== undefined && now > at ? deadlineExceeded(failure?.message) : undefined;

/** @param cause why the last attempt failed, or what is missing */
export const deadlineExceeded = (cause: string | undefined): Refuse =>
  refuse(
    'DeadlineExceeded',
    `The snapshot was not taken within spec.failureDeadline, and no further attempt is made.${cause === undefined ? '' : ` The last problem: ${asSentence(cause)}`} Delete this object and create another one, or set a later deadline.`,
  );

export const creation: Rule = (want, have) => {
  if (!want.exists || ownOf(have)) return undefined;
  const { incomplete, obstacle } = have;
  if (want.restraint === undefined && incomplete !== undefined)
    return wait('VMNotReady', `${incomplete} The snapshot is taken then.`, 15_000);
  const waiting = blocked(want, have);
  if (waiting) return waiting;
  if (obstacle) return wait(obstacle.reason, obstacle.message, 2 * 60_000);
  const name = nameFor(want, have);
  if (name === undefined) return nameTaken(want);
  const { description, memory } = want;
  return act(
    maySend(have) && name === have.name
      ? { do: 'create', name, description, memory }
      : { do: 'announce', request: 'Create', name },
  );
};

/** The name in status, unless another snapshot has it by now. */
function nameFor({ names }: Desired, { name, snapshots }: Observed): string | undefined {
  const taken = new Set(snapshots.map((row) => row.name.toLowerCase()));
  return [...(name === undefined ? [] : [name]), ...names].find((each) => !taken.has(each.toLowerCase()));
}

const nameTaken = ({ names, vmid }: Desired) =>
  refuse(
    'SnapshotNameTaken',
    `VM ${vmid} has snapshots with the names that this object could use (${names.join(', ')}), and their descriptions do not say that they are its own. They are never changed. Delete them in Proxmox VE, or create a VMSnapshot with another name.`,
    60_000,
  );
