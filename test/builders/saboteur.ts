/** Kills the operator's process between any two calls to the outside, or loses what Proxmox VE or the API server answered. */
import { PveError, type Send } from '../../src/pve/index.ts';
import type { Life } from './life.ts';
import type { Resource } from '../../src/runtime/controller.ts';
import type { ObjectStore } from '../../src/runtime/object-store.ts';

/** What a process reaches the world through. */
export interface SabotagedPorts<O extends Resource> {
  readonly send: Send;
  readonly store: ObjectStore<O>;
}

/** What happens to one call. */
export type Fault =
  /** The process ends before the request is sent. */
  | 'dies before'
  /** The request is carried out, and the process ends before it has the answer. */
  | 'dies after'
  /** The request never arrives, and its sender gets no error. */
  | 'is lost'
  /** The request is carried out, but the answer never arrives. */
  | 'loses the answer'
  /** The request arrives long after its sender stopped waiting. */
  | 'arrives late';

export const FAULTS: readonly Fault[] = [
  'dies before',
  'dies after',
  'is lost',
  'loses the answer',
  'arrives late',
];

/** An upload is streamed while its sender waits for it, and our own store has no network: these arrive then or never. */
const canBeLate = (what: string): boolean => /^(POST|PUT|DELETE) /.test(what) && !what.endsWith('/upload');

/**
 * Whether the story with this fault differs from that with an earlier one of `FAULTS`. A question (GET) changes nothing,
 * so it makes no difference whether it or its answer is lost; what cannot be late is lost.
 */
export function isDistinct(fault: Fault, what: string): boolean {
  if (fault === 'arrives late') return canBeLate(what);
  return !what.startsWith('GET ') || fault === 'dies before' || fault === 'is lost';
}

/** What happens to a call, by its number (from 1) and what it calls. */
export type Strike = (call: number, what: string) => Fault | undefined;

export const atCalls = (faults: Iterable<readonly [number, Fault]>): Strike => {
  const byCall = new Map(faults);
  return (call) => byCall.get(call);
};

class Died extends Error {}

const LATE_MS = 25_000;

export class Saboteur {
  /** What was called so far, over all processes. */
  readonly called: string[] = [];
  readonly #strike: Strike;
  #dead = false;

  constructor(strike: Strike) {
    this.#strike = strike;
  }

  readonly isDead = (): boolean => this.#dead;

  readonly between = <O extends Resource>(
    { send, store }: SabotagedPorts<O>,
    life: Pick<Life, 'pve' | 'now'>,
  ): SabotagedPorts<O> => {
    let alive = true;
    this.#dead = false;
    const die = (): never => {
      alive = false;
      this.#dead = true;
      throw new Died();
    };
    const next = (what: string): Fault | undefined => {
      if (!alive) throw new Died();
      this.called.push(what);
      const fault = this.#strike(this.called.length, what);
      return fault === 'dies before' ? die() : fault;
    };
    const call = async <T>(
      what: string,
      run: () => Promise<T>,
      { lost, later }: { readonly lost: () => Error; readonly later?: (() => void) | undefined },
    ): Promise<T> => {
      const fault = next(what);
      if (fault === 'arrives late') later?.();
      if (fault === 'arrives late' || fault === 'is lost') throw lost();
      const answer = await run();
      if (fault === 'dies after') die();
      if (fault === 'loses the answer') throw lost();
      return answer;
    };
    const sabotaged: Send = (endpoint, params, options) => {
      const route = `${endpoint.method} ${endpoint.path}`;
      const arrive = (): void => {
        try {
          life.pve.answer(route, params as Readonly<Record<string, unknown>>);
        } catch (error) {
          if (!(error instanceof PveError)) throw error; // refused: its sender no longer waits
        }
      };
      return call(route, () => send(endpoint, params, options), {
        lost: () => unanswered(endpoint.method, endpoint.path),
        later: canBeLate(route) ? () => life.pve.deliverLate(life.now + LATE_MS, arrive) : undefined,
      });
    };
    const lost = (): Error => new Error('the API server does not answer');
    return {
      send: sabotaged,
      store: {
        ...store,
        fetch: (key, signal) => call('fetch', () => store.fetch(key, signal), { lost }),
        writeFinalizers: (entry, names) =>
          call('write finalizers', () => store.writeFinalizers(entry, names), { lost }),
        writeStatus: (entry, status) =>
          call('write status', () => store.writeStatus(entry, status), { lost }),
      },
    };
  };
}

const unanswered = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', route: string): PveError =>
  new PveError({
    refusal: method === 'GET' ? 'unavailable' : 'unknownOutcome',
    method,
    route,
    code: 'ECONNRESET',
    message: 'Proxmox VE gave no answer.',
  });
