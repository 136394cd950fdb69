/**
 * Reads a text in a worker thread of its own. The text decides how long that takes and how much memory it needs, so both
 * have a limit, and nothing is left over for the next text.
 */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { refused, type Documents, type Text } from '../documents.ts';

/** Set in the bundle, which has the worker in a file next to it. */
declare const VIRTRIGAUD_WORKER: string | undefined;
const WORKER = typeof VIRTRIGAUD_WORKER === 'undefined' ? './worker.ts' : VIRTRIGAUD_WORKER;

export interface ReadingLimits {
  readonly milliseconds: number;
  readonly mebibytes: number;
}

const LIMITS: ReadingLimits = { milliseconds: 10_000, mebibytes: 128 };
/** The part of the heap for what is new. */
const YOUNG_MEBIBYTES = 16;

const Documents = z.custom<Documents>((value) => typeof value === 'object');

/** Rejects if the thread cannot be started, or fails for another reason than its limits. */
export async function readInWorker(text: Text, limits = LIMITS): Promise<Documents> {
  const worker = new Worker(new URL(WORKER, import.meta.url), {
    workerData: text,
    // It needs none of what the operator was started with: neither credentials nor options of Node.
    env: {},
    execArgv: [],
    resourceLimits: {
      maxOldGenerationSizeMb: limits.mebibytes - YOUNG_MEBIBYTES,
      maxYoungGenerationSizeMb: YOUNG_MEBIBYTES,
    },
  });
  // One that comes after the deadline; without a listener it would end the process.
  worker.on('error', () => undefined);
  const ended = new AbortController();
  const { signal } = ended;
  try {
    return await Promise.race([
      once(worker, 'message', { signal }).then(([answer]) => Documents.parse(answer)),
      setTimeout(
        limits.milliseconds,
        refused(text, `that would take more than ${limits.milliseconds / 1000} s`),
        { signal },
      ),
    ]);
  } catch (error) {
    if (isOutOfMemory(error))
      return refused(text, `that would take more than ${limits.mebibytes} MiB of memory`);
    throw error;
  } finally {
    ended.abort();
    await worker.terminate();
  }
}

const isOutOfMemory = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
