/** The life of one VirtualMachine: passes follow each other as the queue would have them, and time passes between. */
import { setImmediate } from 'node:timers/promises';
import type { PassResult } from '../../src/runtime/engine.ts';
import { NOW } from './guests.ts';
import { inMemoryVm, type VmStore } from './in-memory-vm.ts';
import { InMemoryPve } from './in-memory-pve.ts';
import type { VirtualMachineChange } from './objects.ts';
import { operatorProcess, type OperatorProcess, type Ports, type World } from './operator-process.ts';

const SCAN_MS = 5_000;
/** Ten times as many as an undisturbed life takes. */
const MAX_PASSES = 600;

export interface LifeOptions extends Partial<Omit<World, 'store' | 'now'>> {
  readonly vm?: VirtualMachineChange;
  readonly template?: Readonly<Record<string, string>>;
  /** It goes on where this one is, with a process that knows nothing yet. Nothing may be running there. */
  readonly from?: Life | undefined;
  /** Whether the cache is still behind what was written. */
  readonly lagging?: () => boolean;
  /** What stands between the process and the world. */
  readonly between?: (ports: Ports, life: Life) => Ports;
  /** Whether the process has died, so that another one takes over. */
  readonly isDead?: () => boolean;
}

export class Life {
  now: number;
  /** By how much the clock of the process is ahead of that of Proxmox VE. */
  ahead = 0;
  readonly pve: InMemoryPve;
  readonly store: VmStore;
  process: OperatorProcess;
  readonly events: string[] = [];
  readonly #options: LifeOptions;
  #scannedAt = 0;

  constructor(options: LifeOptions = {}) {
    this.#options = options;
    const { from } = options;
    this.now = from?.now ?? NOW;
    this.pve = from?.pve.copy(() => this.now) ?? new InMemoryPve(() => this.now, options.template);
    this.store = inMemoryVm(options.vm, options.lagging, from?.store.live());
    this.process = this.#start();
  }

  /** What the process kept in memory is lost. */
  restart(): void {
    this.events.push(...this.process.events.map(({ reason }) => reason));
    this.process = this.#start();
    this.#scannedAt = 0;
    this.store.sync();
  }

  #start(): OperatorProcess {
    const direct: Ports = { send: this.pve.send, store: this.store };
    return operatorProcess(
      { ...this.#options, store: this.store, now: () => this.now + this.ahead },
      this.#options.between?.(direct, this) ?? direct,
    );
  }

  get conditions(): Readonly<Record<string, string>> {
    const conditions = this.store.live()?.object?.status?.conditions ?? [];
    return Object.fromEntries(conditions.map(({ type, status }) => [type, status]));
  }

  get status() {
    return this.store.live()?.object?.status ?? {};
  }

  /** Refreshes the shared inventory of the cluster, as often as in production. */
  async #scan(): Promise<void> {
    if (this.now - this.#scannedAt < SCAN_MS) return;
    this.#scannedAt = this.now;
    await this.process.inventory.refresh().catch(() => undefined);
  }

  /** One pass and the time until the next. A pass that waits for a change gets one with the next inventory. */
  async pass(): Promise<PassResult | undefined> {
    this.pve.settle();
    await this.#scan();
    const result = await this.process.pass().catch(() => undefined);
    await setImmediate(); // everything that the pass left running ends
    if (this.#options.isDead?.() === true) {
      this.now += 3_000;
      this.restart();
      return undefined;
    }
    this.store.sync();
    this.now +=
      result?.next.when === 'after' ? result.next.delay : result?.next.when === 'change' ? SCAN_MS : 1_000;
    return result;
  }

  async until(isDone: () => boolean): Promise<void> {
    for (let passes = 0; passes < MAX_PASSES; passes += 1) {
      if (isDone()) return;
      await this.pass();
    }
    throw new Error(
      `After ${MAX_PASSES} passes there is no end to it: ${JSON.stringify({ status: this.status, guests: [...this.pve.guests.values()].map(({ vmid, config }) => [vmid, config['lock'], config['name']]) })}`,
    );
  }

  untilReady(): Promise<void> {
    const isReady = (): boolean => {
      const { conditions, observedGeneration } = this.status;
      const ready = conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
      return ready && observedGeneration === this.store.live()?.metadata.generation;
    };
    return this.until(isReady);
  }

  /** Once ready, until a pass has nothing left to do. */
  async untilAtRest(): Promise<void> {
    await this.untilReady();
    for (let passes = 0; passes < 2; passes += 1) await this.pass();
  }

  async delete(): Promise<void> {
    this.store.markDeleted();
    await this.until(() => this.store.live() === undefined);
  }
}
