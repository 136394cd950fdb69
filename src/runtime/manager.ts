/** Starts everything in order (watches, leadership, controllers) and stops it in the reverse order. */
import type { Logger } from 'pino';
import { millis, minutes, seconds, type Millis } from '../lib/units.ts';
import type { Clock } from './clock.ts';
import type { Runner } from './controller-runner.ts';
import type { LeaderElector } from './leader-election.ts';

/** Keeps a view of one kind up to date until the signal is aborted; it retries forever. */
export interface Watcher {
  readonly kind: string;
  readonly synced: boolean;
  /** For some time it has not learned of changes: what it shows may be out of date. */
  readonly failing: boolean;
  /** Resolves with the first complete view. */
  whenSynced(): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
}

export interface ManagerOptions {
  readonly watchers: readonly Watcher[];
  readonly runners: readonly Runner[];
  /** Absent: this process is alone and leads at once. */
  readonly elector?: Pick<LeaderElector, 'acquire' | 'hold' | 'release'> | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onLeading: (leads: boolean) => void;
}

/** Why `run` came to its end. After `lost` another process may already be leading: exit at once. */
export type Ending = 'stopped' | 'lost';

/** SIGTERM to the end of the last pass: a request that is on its way to Proxmox VE must still be able to write down its task. */
const GRACE = seconds(20);
/** No pass waits this long for anything: every request has a deadline far below, and so has the pass. */
const STUCK = minutes(30);
const TICK = seconds(1);
const MAX_LAG = seconds(20);

export class Manager {
  readonly #options: ManagerOptions;
  readonly #stopping = new AbortController();
  #finished: Promise<Ending> | undefined;
  #lastTick: Millis;
  #leading = false;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#lastTick = options.clock.monotonic();
  }

  /** Every kind has been read completely and is followed: the caches may be believed. */
  get ready(): boolean {
    const { watchers } = this.#options;
    return !this.#stopping.signal.aborted && watchers.every(({ synced, failing }) => synced && !failing);
  }

  /** The event loop turns, and no worker hangs. */
  get alive(): boolean {
    const lag = this.#options.clock.monotonic() - this.#lastTick;
    return lag < MAX_LAG && this.#options.runners.every(({ queue }) => queue.longestRunning < STUCK);
  }

  get leading(): boolean {
    return this.#leading;
  }

  /** Runs until `stop` or until leadership is lost. */
  run(): Promise<Ending> {
    this.#finished ??= this.#run();
    return this.#finished;
  }

  /** Ends `run` gracefully: passes finish, the Lease is released. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#finished;
  }

  async #run(): Promise<Ending> {
    const { watchers, runners, elector, log } = this.#options;
    const watching = new AbortController();
    const stopTicking = this.#tick();
    const watches = watchers.map((watcher) => watcher.run(watching.signal));
    let ending: Ending = 'stopped';
    try {
      await this.#unlessStopped(Promise.all(watchers.map((watcher) => watcher.whenSynced())));
      const elected = elector ? await elector.acquire(this.#stopping.signal) : true;
      if (elected && !this.#stopping.signal.aborted) {
        this.#lead(true);
        for (const runner of runners) runner.start();
        log.info({ kinds: runners.map(({ kind }) => kind) }, 'controllers started');
        ending = await (elector?.hold(this.#stopping.signal) ?? this.#unlessStopped(new Promise(() => {})));
      }
      await this.#stopRunners(ending);
      if (ending === 'stopped') await elector?.release();
    } finally {
      this.#lead(false);
      watching.abort();
      await Promise.all(watches);
      stopTicking();
    }
    log.info({ ending }, 'controllers stopped');
    return ending;
  }

  /** A leader that stops keeps renewing its Lease until its last pass is over: the next leader must not start before. */
  async #stopRunners(ending: Ending): Promise<void> {
    const { runners, elector } = this.#options;
    const passesOver = new AbortController();
    const holding = ending === 'stopped' && this.#leading ? elector?.hold(passesOver.signal) : undefined;
    const grace = ending === 'stopped' ? GRACE : millis(0);
    await Promise.all(runners.map((runner) => runner.stop(grace)));
    passesOver.abort();
    await holding;
  }

  #lead(leads: boolean): void {
    this.#leading = leads;
    this.#options.onLeading(leads);
  }

  async #unlessStopped(work: Promise<unknown>): Promise<'stopped'> {
    const { signal } = this.#stopping;
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([work, stopped]);
    return 'stopped';
  }

  #tick(): () => void {
    const { clock } = this.#options;
    let cancel = (): void => undefined;
    const tick = (): void => {
      this.#lastTick = clock.monotonic();
      cancel = clock.after(TICK, tick);
    };
    tick();
    return () => cancel();
  }
}
