/** Why an object is not ready, from all that is known about it. Pure. */
import { z } from 'zod';
import {
  conditionOf,
  conditionsOf,
  isReady,
  isSeen,
  part,
  textAt,
  valueAt,
  type Condition,
  type Stored,
} from '../cluster/objects.ts';
import { shortName } from '../cluster/references.ts';
import { nextStep } from './advice.ts';
import { byImportance, isBad } from './conditions.ts';
import { eventLines, type EventLine } from './events.ts';
import type { Facts, Related } from './gather.ts';

export interface Finding {
  readonly condition: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly since?: string | undefined;
  readonly bad: boolean;
}

export interface RelatedFinding {
  readonly object: string;
  readonly namespace: string;
  readonly field: string;
  readonly state: 'Ready' | 'NotReady' | 'NotFound' | 'Forbidden';
  readonly reason?: string;
  readonly message?: string;
  readonly next?: string;
  readonly events: readonly EventLine[];
}

export interface Explanation {
  readonly object: string;
  readonly namespace: string;
  readonly ready: boolean;
  readonly phase?: string;
  /** Why, in the operator's words. */
  readonly reason?: string;
  readonly message: string;
  /** What the runbook says is to be done. */
  readonly next?: string;
  /** What Proxmox VE said when it refused or failed. */
  readonly failure?: Failure;
  readonly task?: Task;
  readonly conditions: readonly Finding[];
  readonly related: readonly RelatedFinding[];
  readonly events: readonly EventLine[];
}

const Failure = z.object({
  step: z.string(),
  target: z.string().optional(),
  message: z.string(),
  attempts: z.number(),
  at: z.string(),
});
type Failure = z.output<typeof Failure>;

const Task = z.object({
  type: z.string(),
  target: z.string().optional(),
  upid: z.string(),
  startedAt: z.string(),
  progress: z.string().optional(),
});
type Task = z.output<typeof Task>;

const EVENTS = 10;
const EVENTS_OF_OTHERS = 3;

export function explain({ kind, object, events, related }: Facts): Explanation {
  const ready = conditionOf(object, 'Ready');
  const next = nextOf(kind, object);
  const reason = isSeen(object) ? ready?.reason : undefined;
  const phase = textAt(object, 'status.phase');
  const failure = part(Failure, valueAt(object, 'status.failure'));
  const task = part(Task, valueAt(object, 'status.task'));
  return {
    object: shortName({ kind, name: object.metadata.name }),
    namespace: object.metadata.namespace ?? '',
    ready: isReady(object),
    ...(phase !== undefined && { phase }),
    ...(reason !== undefined && { reason }),
    message: messageOf(object, ready),
    ...(next !== undefined && { next }),
    ...(failure && { failure }),
    ...(task && { task }),
    conditions: byImportance(conditionsOf(object)).map(findingOf),
    related: related.map(relatedFinding),
    events: eventLines(events, EVENTS),
  };
}

const IF_THIS_LASTS = 'If this lasts, it does not run, or does not watch the namespace.';

/** What it says of an earlier edit would mislead of an object that is being deleted. */
function messageOf(object: Stored, ready: Condition | undefined): string {
  const message = ready?.message ?? '';
  if (isSeen(object)) return message;
  if (object.metadata.deletionTimestamp !== undefined)
    return `It is being deleted, and the operator has not seen that. ${IF_THIS_LASTS}`;
  const notSeen = `The operator has not seen the object as it is now. ${IF_THIS_LASTS}`;
  return ready ? `${notSeen} Of an earlier edit it says: ${message}` : notSeen;
}

const DOES_IT_RUN =
  'See whether the operator runs: `kubectl get pods -A -l app=provider-proxmox`, and who holds its Lease: `kubectl get leases -A --field-selector metadata.name=virtrigaud-proxmox`. Where it is gone, install it again: only it completes deletions.';

function nextOf(kind: string, object: Stored): string | undefined {
  if (isReady(object)) return undefined;
  return isSeen(object) ? nextStep(kind, conditionOf(object, 'Ready')?.reason) : DOES_IT_RUN;
}

const findingOf = (condition: Condition): Finding => ({
  condition: condition.type,
  status: condition.status,
  reason: condition.reason ?? '',
  message: condition.message ?? '',
  since: condition.lastTransitionTime,
  bad: isBad(condition),
});

function relatedFinding({ reference, object, events }: Related): RelatedFinding {
  const at = {
    object: shortName(reference),
    namespace: reference.namespace,
    field: reference.path,
    events: eventLines(events, EVENTS_OF_OTHERS),
  };
  if (object === 'NotFound' || object === 'Forbidden') return { ...at, state: object };
  const ready = conditionOf(object, 'Ready');
  if (isReady(object)) return { ...at, state: 'Ready' };
  const reason = isSeen(object) ? ready?.reason : undefined;
  const next = nextStep(reference.kind, reason);
  return {
    ...at,
    state: 'NotReady',
    ...(reason !== undefined && { reason }),
    message: messageOf(object, ready),
    ...(next !== undefined && { next }),
  };
}
