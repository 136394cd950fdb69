/**
 * Whether a running guest is to be restarted: because a user requested it, or because changes wait for a restart
 * and the policy allows it. It is recorded in status before anything is done, so that a crash at any moment leads
 * neither to a second restart for one request nor to repeated restarts for changes that no restart applies. Pure.
 */
import type { Reason } from '../../../src/api/index.ts';
import { sha256Hex } from '../../../src/lib/hash.ts';
import { windowAt } from './maintenance-window.ts';
import { isScheduled, judgeRequest, latest, type JudgedRequest } from './request.ts';
import type { Drift } from '../model/config.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Task } from '../model/tasks.ts';
import type { Desired } from '../model/desired.ts';
import type { Restart, RestartNote } from '../model/restart.ts';
import type { Queued } from '../../shared/limits/restarts.ts';

type Wanted = Extract<Desired, { exists: true }>;

export interface RestartInputs {
  readonly want: Wanted;
  /** The guest, if it was seen and is ours. */
  readonly guest: Guest | undefined;
  /** A guest was created. */
  readonly made: boolean;
  readonly task: Task | undefined;
  readonly drift: Drift | undefined;
  /** Keys of pending changes that the spec asks for: foreign changes do not restart a guest. */
  readonly awaited: readonly string[] | undefined;
  /** It was started before its first configuration, all of which waits. */
  readonly unconfigured?: boolean | undefined;
  /** Epoch ms. */
  readonly now: number;
  /** The operator has reported on the object before. */
  readonly observed: boolean;
  /** As status has it. */
  readonly before: Pick<Restart, 'note' | 'restartedAt'>;
  /** A shutdown without an answer may still be in progress. */
  readonly inDoubt: boolean;
  /** Once it is off the guest would not be started, so it is not shut down. */
  readonly wouldStayOff: boolean;
  /** Takes the slot of the class, or returns what it waits for. */
  readonly claimSlot: () => Queued | undefined;
}

/** Digest of the pending changes that a restart is to apply; `undefined`: none. */
export function waitingChanges(
  { pending }: Pick<Guest, 'pending'>,
  { awaited, drift, unconfigured = false }: Pick<RestartInputs, 'awaited' | 'drift' | 'unconfigured'>,
): string | undefined {
  if (unconfigured) return 'first configuration';
  const ours = pending.filter(({ key }) => awaited?.includes(key) && !drift?.keys.includes(key));
  if (ours.length === 0) return undefined;
  const lines = ours.map(({ key, pending: next }) => `${key}=${next ?? ''}`).toSorted();
  return sha256Hex(lines.join('\n')).slice(0, 16);
}

export function judgeRestart(inputs: RestartInputs): Restart {
  const { want, made, before, observed } = inputs;
  const requestedAt = want.restart?.requestedAt;
  // There is nothing to restart, or the object was restored and only looks new.
  if (!made || want.power !== 'On' || !observed)
    return {
      note: observed ? undefined : before.note,
      restartedAt: isScheduled(requestedAt, inputs.now)
        ? before.restartedAt
        : latest(before.restartedAt, requestedAt),
    };
  const request = judgeRequest({
    requestedAt,
    recorded: before.restartedAt,
    note: before.note,
    now: inputs.now,
  });
  const judged = judgeOpen(request.open, {
    ...inputs,
    before: { ...before, restartedAt: request.recorded },
  });
  return withRequest(judged, request);
}

function withRequest(judged: Restart, { expired, scheduled }: JudgedRequest): Restart {
  if (expired !== undefined) return { ...judged, expired };
  if (scheduled === undefined) return judged;
  const againAt = Math.min(judged.againAt ?? Infinity, Date.parse(scheduled));
  return { ...judged, scheduled, againAt };
}

/** @param open the request to perform */
function judgeOpen(open: string | undefined, inputs: RestartInputs): Restart {
  const { guest, before, now } = inputs;
  const { restartedAt } = before;
  if (!guest) return { note: unseen(before.note, open, now), restartedAt };
  const waiting = waitingChanges(guest, inputs);
  const note = standing(before.note, guest, open, waiting);
  if (wasStopped(note, open, inputs)) return afterStop(note, open, inputs);
  if (!guest.running) return keepSlot(inputs, { note, restartedAt });
  if (open !== undefined) return begin({ cause: 'Requested', of: open }, note, inputs);
  return waiting === undefined ? { note: undefined, restartedAt } : byPolicy(waiting, note, inputs);
}

/** While the guest cannot be read, a request is kept as seen: it does not expire before the guest can be read again. */
function unseen(
  note: RestartNote | undefined,
  open: string | undefined,
  now: number,
): RestartNote | undefined {
  if (open !== undefined && note?.of !== open)
    return { cause: 'Requested', of: open, at: now, stopped: false };
  return note?.cause === 'Requested' && note.of !== open ? undefined : note;
}

/** An announced restart counts as long as it is still wanted, or until the guest runs with what it was for. */
function standing(
  note: RestartNote | undefined,
  { running }: Guest,
  open: string | undefined,
  waiting: string | undefined,
): RestartNote | undefined {
  if (note?.cause === 'Requested') return note.of === open ? note : undefined;
  return !running || note?.of === waiting ? note : undefined;
}

function wasStopped(
  note: RestartNote | undefined,
  open: string | undefined,
  { guest, task }: RestartInputs,
): boolean {
  if (note === undefined || note.stopped) return open !== undefined && guest?.running === false;
  if (guest?.running === false) return true;
  // It was already started again in Proxmox VE. HA only records a request, so its task proves nothing.
  return task?.type === 'Shutdown' && task.state === 'ok' && guest?.ha.managed === false;
}

function afterStop(note: RestartNote | undefined, open: string | undefined, inputs: RestartInputs): Restart {
  const { restartedAt } = inputs.before;
  if (open !== undefined) return { note: undefined, restartedAt: open, next: 'note' };
  return keepSlot(inputs, { note: note && { ...note, stopped: true }, restartedAt, next: 'note' });
}

/** Others of the class wait until the guest runs again. */
function keepSlot({ claimSlot }: RestartInputs, restart: Restart): Restart {
  if (restart.note?.cause === 'PendingChanges') claimSlot();
  return restart;
}

/** Recorded first, then performed. */
function begin(
  what: Pick<RestartNote, 'cause' | 'of'>,
  note: RestartNote | undefined,
  { now, inDoubt, task, wouldStayOff, before: { restartedAt } }: RestartInputs,
): Restart {
  const mayBeSent = note !== undefined && (inDoubt || task !== undefined);
  // Others wait for a restart that is recorded, and this one may never come.
  if (wouldStayOff && !mayBeSent) return { note: undefined, restartedAt };
  if (note?.cause !== what.cause)
    return { note: { ...what, at: now, stopped: false }, restartedAt, next: 'note' };
  return { note, restartedAt, next: inDoubt ? 'doubt' : 'shutdown' };
}

function byPolicy(waiting: string, note: RestartNote | undefined, inputs: RestartInputs): Restart {
  const { want, now, claimSlot, before } = inputs;
  const { restartedAt } = before;
  const { policy, window } = want.restart ?? {};
  const held = (reason: Reason, message: string, more: Partial<Restart> = {}): Restart => ({
    note: undefined,
    restartedAt,
    held: { reason, message },
    ...more,
  });
  if (policy === undefined) return { note: undefined, restartedAt };
  if (note?.stopped) {
    claimSlot();
    return held(
      'StillPending',
      'The VM was restarted, and Proxmox VE did not take these changes up: the log of its start task says why. It is not restarted for them again, and no other VM of its class is.',
      { note },
    );
  }
  const at = policy === 'MaintenanceWindow' && window ? windowAt(window, now) : { state: 'open' as const };
  if (at.state === 'impossible') return held('MaintenanceWindowInvalid', at.problem);
  if (at.state === 'closed')
    return held('OutsideMaintenanceWindow', 'The VM is restarted in its maintenance window.', {
      againAt: at.opensAt,
    });
  const queued = claimSlot();
  return queued === undefined
    ? begin({ cause: 'PendingChanges', of: waiting }, note, inputs)
    : held(
        'RestartQueued',
        `The VM is restarted when ${queued.behind} runs with its changes: VMs of a class are restarted one at a time.`,
        queued.looksAgain ? { againAt: now + LOOK_AGAIN_MS } : {},
      );
}

/** By then the list of guests has been read again. */
const LOOK_AGAIN_MS = 6_000;
