/**
 * Between a thread that decompresses and the one that started it: the worker asks, waits for the reply, and goes on. So
 * there is one piece on its way at a time, and code that knows no streams can wait for its input.
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';

export type Request =
  /** The reply is the next piece of the compressed file; an empty one at its end. */
  | { readonly kind: 'read' }
  /** The reply comes when there is room for more. */
  | { readonly kind: 'write'; readonly piece: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly problem: DecompressProblem };

/** `broken`: it is damaged or incomplete. `unsupported`: with another compressor or other options it would work. */
export interface DecompressProblem {
  readonly kind: 'broken' | 'unsupported';
  readonly message: string;
}

export class DecompressError extends Error {
  override readonly name = 'DecompressError';
  readonly problem: DecompressProblem;
  constructor(kind: DecompressProblem['kind'], message: string) {
    super(message);
    this.problem = { kind, message };
  }
}

export interface WorkerStart {
  readonly compression: 'bz2' | 'xz';
  readonly port: MessagePort;
  /** Counts the replies, so that the worker can sleep until the next one. */
  readonly replies: Int32Array<SharedArrayBuffer>;
}

/** What the worker's side needs of it. */
export interface Pipe {
  /** `undefined`: there is no more. */
  read(): Uint8Array | undefined;
  write(piece: Uint8Array<ArrayBuffer>): void;
  /** The last request, whose reply is the end of the thread: one that ends by itself may do so before it is read. */
  end(request: Request): void;
}

/** Blocks its thread. */
export function pipeOf({ port, replies }: Pick<WorkerStart, 'port' | 'replies'>): Pipe {
  const ask = (request: Request): unknown => {
    port.postMessage(request, request.kind === 'write' ? [request.piece.buffer] : []);
    for (;;) {
      const seen = Atomics.load(replies, 0);
      const received: unknown = receiveMessageOnPort(port);
      if (isMessage(received)) return received.message;
      Atomics.wait(replies, 0, seen);
    }
  };
  return {
    read() {
      const piece = ask({ kind: 'read' });
      return piece instanceof Uint8Array && piece.length > 0 ? piece : undefined;
    },
    write: (piece) => void ask({ kind: 'write', piece }),
    end: (request) => void ask(request),
  };
}

const isMessage = (received: unknown): received is { readonly message: unknown } =>
  typeof received === 'object' && received !== null && 'message' in received;
