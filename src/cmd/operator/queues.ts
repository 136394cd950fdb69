/** Asks for passes over objects of any kind. Usable before the controllers are made; until then nothing is asked for. */
import type { KindName } from '../../../controllers/index.ts';
import type { PassReason } from '../../runtime/pass-reason.ts';
import type { WorkQueue } from '../../runtime/queue.ts';

export type AskForPass = (kind: KindName, keys: Iterable<string>, reason: PassReason) => void;

export interface Queues {
  readonly ask: AskForPass;
  readonly set: (kind: KindName, queue: Pick<WorkQueue, 'add'>) => void;
}

export function createQueues(): Queues {
  const queues = new Map<KindName, Pick<WorkQueue, 'add'>>();
  return {
    ask(kind, keys, reason) {
      for (const key of keys) queues.get(kind)?.add(key, reason);
    },
    set: (kind, queue) => void queues.set(kind, queue),
  };
}
