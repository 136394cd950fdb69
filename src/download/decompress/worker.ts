/** A worker thread that decompresses one file and ends: a program of its own (hack/bundle.ts). */
import { workerData } from 'node:worker_threads';
import { decompressBz2 } from './bz2.ts';
import { DecompressError, pipeOf, type WorkerStart } from './pipe.ts';
import { decompressXz } from './xz.ts';

/** It comes from `in-worker.ts`, in the same process. */
const isStart = (data: unknown): data is WorkerStart => typeof data === 'object';

async function run(start: WorkerStart): Promise<void> {
  const pipe = pipeOf(start);
  try {
    if (start.compression === 'bz2') decompressBz2(pipe);
    else await decompressXz(pipe);
    pipe.end({ kind: 'done' });
  } catch (error) {
    const problem =
      error instanceof DecompressError
        ? error.problem
        : ({ kind: 'broken', message: 'it cannot be decompressed' } as const);
    pipe.end({ kind: 'failed', problem });
  }
}

const data: unknown = workerData;
if (isStart(data)) await run(data);
