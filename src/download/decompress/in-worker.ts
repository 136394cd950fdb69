/**
 * Decompresses in a worker thread what has no implementation in Node: it would keep the event loop, on which the Lease
 * is renewed, busy for a tenth of a second at a time.
 */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';
import { z } from 'zod';
import { DecompressError, type Request, type WorkerStart } from './pipe.ts';

/** Set in the bundle, which has the worker in a file next to it. */
declare const VIRTRIGAUD_DECOMPRESS_WORKER: string | undefined;
const WORKER =
  typeof VIRTRIGAUD_DECOMPRESS_WORKER === 'undefined' ? './worker.ts' : VIRTRIGAUD_DECOMPRESS_WORKER;

/** For one piece of at most 128 KiB, with the block that it is in. */
const STALL_MS = 60_000;
/** Of the heap. The window of xz is outside of it. */
const MAX_HEAP_MEBIBYTES = 64;

const Received = z.tuple([z.custom<Request>((value) => typeof value === 'object')]);

export async function* decompressInWorker(
  compression: WorkerStart['compression'],
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void> {
  const { port1: port, port2 } = new MessageChannel();
  const replies = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const worker = new Worker(new URL(WORKER, import.meta.url), {
    workerData: { compression, port: port2, replies } satisfies WorkerStart,
    transferList: [port2],
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MEBIBYTES, maxYoungGenerationSizeMb: 8 },
  });
  const reply = (piece: Uint8Array): void => {
    port.postMessage(piece);
    Atomics.add(replies, 0, 1);
    Atomics.notify(replies, 0);
  };
  const requests = listen(worker, port);
  const pieces = input[Symbol.asyncIterator]();
  try {
    for (;;) {
      const request = await requests.next();
      if (request.kind === 'done') return;
      if (request.kind === 'failed') throw new DecompressError(request.problem.kind, request.problem.message);
      if (request.kind === 'write') {
        yield Buffer.from(request.piece.buffer, request.piece.byteOffset, request.piece.byteLength);
        reply(NOTHING);
      } else {
        const next = await pieces.next();
        reply(next.done === true ? NOTHING : next.value);
      }
    }
  } finally {
    port.close();
    await worker.terminate();
    await pieces.return?.();
  }
}

const NOTHING = new Uint8Array();

/** What the worker asks for, one after the other; it rejects if the worker ends, or works for too long on one piece. */
function listen(worker: Worker, port: InstanceType<typeof MessageChannel>['port1']) {
  // One that comes after the last request; without a listener it would end the process.
  worker.on('error', () => undefined);
  return {
    async next(): Promise<Request> {
      const ended = new AbortController();
      const { signal } = ended;
      try {
        return await Promise.race([
          once(port, 'message', { signal }).then((received) => Received.parse(received)[0]),
          once(worker, 'exit', { signal }).then(() => {
            throw new DecompressError('broken', 'decompressing it ended unexpectedly');
          }),
          setTimeout(STALL_MS, undefined, { signal, ref: false }).then(() => {
            throw new DecompressError('broken', `a part of it takes longer than ${STALL_MS / 1000} s`);
          }),
        ]);
      } finally {
        ended.abort();
      }
    },
  };
}
