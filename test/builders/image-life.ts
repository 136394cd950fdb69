/** The life of one VMImage that is downloaded, behind the engine: passes follow each other, and time passes between. */
import { pino } from 'pino';
import { setImmediate } from 'node:timers/promises';
import { outcomeOf } from '../../controllers/index.ts';
import type { Connection } from '../../controllers/shared/cluster/connections.ts';
import { createLedger } from '../../controllers/shared/cluster/ledger.ts';
import { createVmidAllocator } from '../../controllers/shared/cluster/vmids.ts';
import { parseImageMark } from '../../controllers/shared/guests/image-mark.ts';
import { createMarks } from '../../controllers/shared/guests/marks.ts';
import { NO_NAMESPACES } from '../../controllers/shared/grants/namespaces.ts';
import { createCloneSlots } from '../../controllers/shared/limits/clones.ts';
import { createMoveSlots } from '../../controllers/shared/limits/moves.ts';
import { vmImageKind } from '../../controllers/vmimage/kind.ts';
import type { Provider, VirtualMachine, VMImage, VMImageStatus } from '../../src/api/index.ts';
import { millis } from '../../src/lib/units.ts';
import {
  createTransfers,
  DownloadProblem,
  type Measured,
  type ReadOptions,
} from '../../src/download/index.ts';
import { createInventory, pve } from '../../src/pve/index.ts';
import type { EventNote } from '../../src/runtime/controller.ts';
import { coalescing } from '../../src/runtime/coalescing.ts';
import type { Condition } from '../../src/runtime/conditions.ts';
import { runPass, type PassResult } from '../../src/runtime/engine.ts';
import { NOW } from './guests.ts';
import { inMemoryObject } from './in-memory-object.ts';
import { InMemoryPve, type ModelGuest } from './in-memory-pve.ts';
import { aClass, aDownload, aProvider, readerNow, readerOf } from './objects.ts';
import type { SabotagedPorts } from './saboteur.ts';

const SCAN_MS = 5_000;
const MAX_PASSES = 400;

/** What a server has at a URL, as it can be read there. */
export interface ServedImage {
  bytes: number;
  sha256: string;
  /** Why it cannot be read now. */
  problem?: Error | undefined;
}

export interface ImageLifeOptions {
  readonly spec?: Partial<VMImage['spec']>;
  readonly provider?: Provider;
  /** A Provider `other` as well, which leads to the same PVE cluster; `unproven`: and nothing proves it. */
  readonly other?: 'proven' | 'unproven';
  readonly between?: (ports: SabotagedPorts<VMImage>, life: ImageLife) => SabotagedPorts<VMImage>;
  readonly isDead?: () => boolean;
}

export class ImageLife {
  now = NOW;
  readonly pve = new InMemoryPve(() => this.now);
  /** What the operator finds at the URL. */
  readonly served: ServedImage = { bytes: 3000, sha256: 'ab'.repeat(32) };
  /** What it asks for. */
  readonly reads: ReadOptions[] = [];
  readonly secrets = new Map<string, Readonly<Record<string, string>>>();
  /** Those that refer to the image. */
  vms: readonly VirtualMachine[] = [];
  readonly store;
  /** `Retained: Left in …` */
  readonly events: string[] = [];
  readonly #options: ImageLifeOptions;
  #process;

  constructor(options: ImageLifeOptions = {}) {
    this.#options = options;
    this.pve.localContent = 'iso,import';
    const {
      spec = { download: { url: 'https://images.example/debian.img', providerRefs: [{ name: 'pve' }] } },
    } = options;
    const image = aDownload();
    this.store = inMemoryObject<VMImage>({ ...image, spec: { ...spec }, status: {} });
    this.#process = this.#start();
  }

  #start() {
    const direct: SabotagedPorts<VMImage> = { send: this.pve.send, store: this.store };
    const { send, store } = this.#options.between?.(direct, this) ?? direct;
    const now = (): number => this.now;
    const client = pve(send);
    const inventory = createInventory({ pve: client, now });
    const connection: Connection = {
      origin: 'https://pve.example.com:8006',
      identity: { name: 'homelab', nodes: ['pve-1'] },
      pve: client,
      inventory,
      vmids: createVmidAllocator(() => new Set(), now),
      ledger: createLedger(now),
      cloneSlots: createCloneSlots(now, () => undefined),
      moveSlots: createMoveSlots(now, () => undefined),
      marks: createMarks({ pve: client, inventory }, () => new Set(), now),
      nodeSelector: [],
      defaults: {},
    };
    const other =
      this.#options.other === 'proven' ? connection : { ...connection, ledger: createLedger(now) };
    const providers = readerOf(
      this.#options.provider ?? aProvider(),
      ...(this.#options.other ? [aProvider({}, { name: 'other' })] : []),
    );
    const controller = vmImageKind.controller({
      clusterId: 'cluster-1',
      providers,
      classes: readerNow(() => [aClass()]),
      namespaces: NO_NAMESPACES,
      usersOfKind: () => () => this.vms,
      connections: {
        get: (_namespace, name) => inventory.view() && (name === 'other' ? other : connection),
        isPending: () => false,
      },
      transfers: createTransfers(now),
      readSecret: (_namespace, name) => {
        const values = this.secrets.get(name);
        return Promise.resolve(values && { values });
      },
      readImage: (options) => this.#read(options),
    });
    const clock = {
      now: () => new Date(this.now),
      monotonic: () => millis(this.now),
      after: () => () => undefined,
    };
    const deps = {
      kind: 'VMImage',
      store: coalescing(store, clock),
      events: {
        publish: (_object: unknown, { reason, message }: EventNote) =>
          void this.events.push(`${reason}: ${message}`),
      },
      log: pino({ enabled: false }),
      clock,
      signal: new AbortController().signal,
      outcomeOf,
      passId: () => 'p',
    };
    const work = { key: 'default/ubuntu', reasons: new Set(['edit'] as const) };
    return { inventory, scannedAt: 0, pass: () => runPass(work, controller, deps) };
  }

  async *#read(options: ReadOptions): AsyncGenerator<Buffer, Measured> {
    this.reads.push(options);
    const { bytes, sha256, problem } = this.served;
    const half = Buffer.alloc(bytes / 2);
    yield await Promise.resolve(half);
    options.signal.throwIfAborted();
    options.onProgress?.({ bytes: bytes / 2, total: bytes });
    if (problem) throw problem;
    if (options.expected && options.expected.sha256 !== sha256)
      throw new DownloadProblem('DownloadFailed', 'It is another one.');
    yield half;
    return { bytes, sha256 };
  }

  get status(): VMImageStatus {
    return this.store.live()?.status ?? {};
  }

  /** Somebody writes another status. */
  editStatus(change: object): void {
    const entry = this.store.cached('default/ubuntu');
    if (entry) void this.store.writeStatus(entry, { ...this.status, ...change });
  }

  /** Guests with the mark of a VMImage. */
  get made(): readonly ModelGuest[] {
    return [...this.pve.guests.values()].filter(({ config }) => parseImageMark(config['description']));
  }

  /** `Ready=False VMBusy: …` */
  get ready(): string {
    const conditions = (this.status.conditions ?? []) as readonly Condition[];
    const found = conditions.find(({ type }) => type === 'Ready');
    return found ? `${found.status} ${found.reason}: ${found.message}` : '';
  }

  async pass(): Promise<PassResult | undefined> {
    this.pve.settle();
    if (this.now - this.#process.scannedAt >= SCAN_MS) {
      this.#process.scannedAt = this.now;
      await this.#process.inventory.refresh().catch(() => undefined);
    }
    const result = await this.#process.pass().catch(() => undefined);
    await setImmediate(); // everything that the pass left running ends
    if (this.#options.isDead?.() === true) {
      this.now += 3_000;
      this.#process = this.#start();
      return undefined;
    }
    const { next } = result ?? {};
    this.now +=
      next?.when === 'after' ? Math.min(next.delay, SCAN_MS) : next?.when === 'change' ? SCAN_MS : 1_000;
    return result;
  }

  async until(isDone: () => boolean): Promise<void> {
    for (let passes = 0; passes < MAX_PASSES; passes += 1) {
      if (isDone()) return;
      await this.pass();
    }
    throw new Error(`After ${MAX_PASSES} passes there is no end to it: ${JSON.stringify(this.status)}`);
  }

  untilReady(): Promise<void> {
    return this.until(() => this.ready.startsWith('True'));
  }

  async delete(): Promise<void> {
    this.store.markDeleted();
    await this.until(() => this.store.live() === undefined);
  }

  /** Requests that are still on their way arrive, and what they began ends. */
  afterwards(): void {
    for (let round = 0; round < 2; round += 1) {
      this.now += 120_000;
      this.pve.settle();
    }
  }
}
