/**
 * Reads the texts of VMs off the event loop, one after the other, each once as long as it stays the same. A namespace
 * whose texts take long delays its own VMs, and those of another namespace by one text at most.
 */
import { setTimeout } from 'node:timers/promises';
import { sha256Hex } from '../../lib/hash.ts';
import { isShort, textsOf, type Documents, type Text } from '../documents.ts';
import { createFairQueue } from './fair-queue.ts';
import { readInWorker } from './in-worker.ts';
import { createAnswers } from './answers.ts';

type Input = Parameters<typeof textsOf>[0];

/** Gives what the texts say, except for short ones. `undefined`: they have not been read yet, ask again later. */
export type ReadDocuments = (namespace: string, input: Input) => Promise<Documents | undefined>;

export interface ReaderOptions {
  readonly read?: (text: Text) => Promise<Documents>;
  /** Epoch ms. */
  readonly now: () => number;
  /** How long a pass waits. */
  readonly patienceMs?: number;
}

interface Job {
  readonly key: string;
  readonly text: Text;
  readonly done: PromiseWithResolvers<Documents>;
}

const PATIENCE_MS = 2000;
/** Of a namespace: its other passes do not wait. */
const MAX_WAITING_PASSES = 4;
/** Of a namespace: further texts are queued when these have been read. */
const MAX_QUEUED_CHARACTERS = 4_000_000;

export function createDocumentReader({
  read = readInWorker,
  now,
  patienceMs = PATIENCE_MS,
}: ReaderOptions): ReadDocuments {
  const answers = createAnswers(now);
  const queue = createFairQueue<Job>();
  let current: Job | undefined;

  async function work(): Promise<void> {
    if (current) return;
    for (current = queue.take(); current; current = queue.take()) {
      const { key, text, done } = current;
      try {
        // Another namespace may have the same text.
        const documents = answers.get(key) ?? (await read(text));
        answers.keep(key, documents);
        done.resolve(documents);
      } catch (error) {
        done.reject(error);
      }
    }
  }

  /** `undefined`: there is no room in the queue. */
  function request(namespace: string, key: string, text: Text): Job | undefined {
    const queued = queue.of(namespace);
    const known = current?.key === key ? current : queued.find((job) => job.key === key);
    if (known) return known;
    const characters = queued.reduce((sum, job) => sum + job.text.text.length, 0);
    if (characters > 0 && characters + text.text.length > MAX_QUEUED_CHARACTERS) return undefined;
    const job = { key, text, done: Promise.withResolvers<Documents>() };
    // The pass that asked for it may have ended.
    job.done.promise.catch(() => undefined);
    queue.push(namespace, job);
    void work();
    return job;
  }

  async function documentsOf(namespace: string, text: Text): Promise<Documents | undefined> {
    const key = sha256Hex(JSON.stringify(text));
    const known = answers.get(key);
    if (known) return known;
    const job = request(namespace, key, text);
    return job && queue.of(namespace).length <= MAX_WAITING_PASSES
      ? within(patienceMs, job.done.promise)
      : undefined;
  }

  return async (namespace, input) => {
    const long = textsOf(input).filter((text) => !isShort(text));
    let documents: Documents = {};
    for (const found of await Promise.all(long.map((text) => documentsOf(namespace, text)))) {
      if (!found) return undefined;
      documents = { ...documents, ...found };
    }
    return documents;
  };
}

async function within<T>(limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  const ended = new AbortController();
  try {
    return await Promise.race([
      promise,
      setTimeout(limitMs, undefined, { signal: ended.signal, ref: false }),
    ]);
  } finally {
    ended.abort();
  }
}
