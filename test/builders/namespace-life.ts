/**
 * A namespace with a Secret, a Provider, a class, an image and a VirtualMachine, and the operator's passes over them:
 * everything may be deleted in any order, and the process may end at any time.
 */
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import {
  createConnectionPool,
  createCredentialCopies,
  createDeletionLog,
  createFinishingConnections,
  createForceDeleted,
  createLinkedClones,
  createPrivilegeWatch,
  createProcessStates,
  createRestartSlots,
  outcomeOf,
  providerController,
  virtualMachineController,
  type ConnectionPool,
} from '../../controllers/index.ts';
import { createDocumentReader } from '../../src/cloudinit/index.ts';
import { createAdmissions } from '../../controllers/virtualmachine/resolve/admissions.ts';
import type { OpenClient } from '../../controllers/provider/cluster-client.ts';
import { createMarks } from '../../controllers/shared/guests/marks.ts';
import { createInventory, pve as pveOver, PveError, type Send } from '../../src/pve/index.ts';
import { millis, vmid, type Vmid } from '../../src/lib/units.ts';
import type { Provider, VirtualMachine } from '../../src/api/index.ts';
import { KubeError, outcomeOfKubeError } from '../../src/kube/errors.ts';
import { coalescing } from '../../src/runtime/coalescing.ts';
import type { Controller, ObjectReader, Resource } from '../../src/runtime/controller.ts';
import { runPass } from '../../src/runtime/engine.ts';
import type { ObjectStore } from '../../src/runtime/object-store.ts';
import { aDigest, NOW } from './guests.ts';
import { InMemoryPve } from './in-memory-pve.ts';
import { inMemoryObject, type InMemoryObject } from './in-memory-object.ts';
import { UNKNOWN_CHANGES } from './placement-changes.ts';
import { aClass, anImage, aProvider, aVirtualMachine, readerOf } from './objects.ts';
import { NO_NAMESPACES } from '../../controllers/shared/grants/namespaces.ts';

export const TOKEN_SECRET = 'only-in-the-secret';
const CREDENTIALS = { PVE_ENDPOINT: 'https://pve:8006', token_id: 'a@pve!b', token_secret: TOKEN_SECRET };

export const PARTS = ['Secret', 'Provider', 'VMClass', 'VMImage', 'VirtualMachine'] as const;
export type Part = (typeof PARTS)[number];

interface Operator {
  readonly pool: ConnectionPool;
  readonly clients: Set<OpenClient>;
  readonly pass: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const TICK_MS = 1_000;
const SCAN_MS = 5_000;
const MAX_TICKS = 400;

export class NamespaceLife {
  now = NOW;
  /** Which of the requests for copies, from 1, get no answer and do nothing. */
  failingCopyCalls: ReadonlySet<number> = new Set();
  #copyCalls = 0;
  /** What the Secret has as the secret of the token. */
  tokenSecret = TOKEN_SECRET;
  /** Whether Proxmox VE answers. */
  answers = true;
  readonly pve = new InMemoryPve(() => this.now);
  /** Those in the operator's namespace. */
  readonly copies = new Map<string, Readonly<Record<string, string>>>();
  readonly provider: InMemoryObject<Provider> = inMemoryObject(
    aProvider({ credentialSecretRef: { name: 'pve' } }),
  );
  readonly vm: InMemoryObject<VirtualMachine> = inMemoryObject(
    aVirtualMachine({ spec: { userData: { cloudInit: { inline: '#cloud-config\npackages: [nginx]\n' } } } }),
  );
  /** What people and log files can read. */
  readonly said: string[] = [];
  readonly #present = new Set<Part>(PARTS);
  #operator: Operator;
  #scannedAt = 0;

  constructor() {
    this.#operator = this.#start();
  }

  /** What the API server does on DELETE; finalizers hold what has some. */
  delete(part: Part): void {
    if (part === 'Provider') this.provider.markDeleted();
    else if (part === 'VirtualMachine') this.vm.markDeleted();
    else this.#present.delete(part);
  }

  create(part: Exclude<Part, 'Provider' | 'VirtualMachine'>): void {
    this.#present.add(part);
  }

  /** Somebody removes the finalizer of a Provider that is being deleted, and the watch says that it is gone. */
  loseProvider(): void {
    this.provider.dropFinalizers();
    if (!this.provider.live()) this.#operator.pool.drop('default/pve');
  }

  /** What the process kept in memory is lost. */
  async restart(): Promise<void> {
    await this.#operator.close();
    this.#scannedAt = 0;
    this.#operator = this.#start();
  }

  async tick(): Promise<void> {
    this.pve.settle();
    if (this.now - this.#scannedAt >= SCAN_MS) {
      this.#scannedAt = this.now;
      for (const { inventory } of this.#operator.clients) await inventory.refresh().catch(() => undefined);
    }
    await this.#operator.pass();
    this.said.push(JSON.stringify([this.provider.live()?.status, this.vm.live()?.status]));
    this.now += TICK_MS;
  }

  async ticks(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) await this.tick();
  }

  async until(isDone: () => boolean): Promise<void> {
    for (let n = 0; n < MAX_TICKS; n += 1) {
      if (isDone()) return;
      await this.tick();
    }
    throw new Error(`There is no end to it: ${JSON.stringify(this.left)}`);
  }

  get isReady(): boolean {
    return this.vm.live()?.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  }

  get left() {
    return {
      objects: [this.provider.live(), this.vm.live()].flatMap((object) => object?.kind ?? []),
      guests: [...this.pve.guests.keys()].filter((number) => number !== 9000),
      volumes: [...this.pve.volumes],
      copies: [...this.copies.keys()],
    };
  }

  /** Connections that the process has, whoever uses them. */
  get connections(): number {
    return this.#operator.clients.size;
  }

  close(): Promise<void> {
    return this.#operator.close();
  }

  readonly #send =
    (secret: string): Send =>
    (endpoint, params, options) => {
      const { method, path: route } = endpoint;
      const call = { method, route };
      if (!this.answers)
        return Promise.reject(
          new PveError({ ...call, refusal: 'unavailable', code: 'ETIMEDOUT', message: 'no answer' }),
        );
      if (secret === TOKEN_SECRET) return this.pve.send(endpoint, params, options);
      return Promise.reject(
        new PveError({ ...call, refusal: 'unauthenticated', code: '401', message: 'authentication failure' }),
      );
    };

  async #copyCall<T>(answer: () => T): Promise<T> {
    this.#copyCalls += 1;
    await Promise.resolve();
    if (this.failingCopyCalls.has(this.#copyCalls))
      throw new KubeError({ status: 0, reason: 'Unreachable', message: 'the API server does not answer' });
    return answer();
  }

  readonly #readSecret = (_namespace: string, name: string) =>
    Promise.resolve(
      name === 'pve' && this.#present.has('Secret')
        ? { annotations: {}, values: { ...CREDENTIALS, token_secret: this.tokenSecret } }
        : undefined,
    );

  readonly #users = (namespace: string, name: string): readonly VirtualMachine[] =>
    namespace === 'default' && name === 'pve' ? [this.vm.live()].flatMap((vm) => vm ?? []) : [];

  readonly #claimed = (): ReadonlySet<Vmid> => {
    const number = this.vm.live()?.status?.vmid;
    return new Set(number === undefined ? [] : [vmid(number)]);
  };

  #openClient(
    clients: Set<OpenClient>,
  ): NonNullable<Parameters<typeof createConnectionPool>[0]['openClient']> {
    return ({ origin, credentials }, { key, now }) => {
      const client = pveOver(this.#send(credentials.kind === 'token' ? credentials.secret : ''));
      const inventory = createInventory({ pve: client, now });
      const open: OpenClient = {
        key,
        origin,
        certificate: undefined,
        pve: client,
        inventory,
        marks: createMarks({ pve: client, inventory }, this.#claimed, now),
        refusedAt: undefined,
        versions: { releases: new Map(), answering: undefined, refresh: () => Promise.resolve() },
        stopPolling: () => void clients.delete(open),
        close: () => Promise.resolve(void clients.delete(open)),
      };
      clients.add(open);
      return open;
    };
  }

  #start(): Operator {
    const now = (): number => this.now;
    const clients = new Set<OpenClient>();
    const forceDeleted = createForceDeleted(now);
    const deletionLog = createDeletionLog(now);
    const pool = createConnectionPool({
      claimedIn: this.#claimed,
      claimedThrough: this.#claimed,
      onRequest: () => undefined,
      onGuestsChanged: () => undefined,
      onConnectionChanged: () => undefined,
      onConnected: () => undefined,
      onSlotFree: () => undefined,
      now,
      openClient: this.#openClient(clients),
    });
    const copies = createCredentialCopies(
      {
        list: () => this.#copyCall(() => [...this.copies].map(([name, values]) => ({ name, values }))),
        get: (name) => this.#copyCall(() => ({ name, values: this.copies.get(name) ?? {} })),
        put: ({ name, values }) => this.#copyCall(() => void this.copies.set(name, values)),
        delete: (name) => this.#copyCall(() => void this.copies.delete(name)),
      },
      now,
    );
    const providers: ObjectReader<Provider> = {
      get: (namespace, name) => readerOf(...this.#providers()).get(namespace, name),
      partial: (namespace, name) => readerOf(...this.#providers()).partial(namespace, name),
      list: () => readerOf(...this.#providers()).list(),
    };
    const finishing = createFinishingConnections({
      pool,
      copies,
      providers,
      usersOf: this.#users,
      namespaces: NO_NAMESPACES,
      onAttempted: () => undefined,
      now,
    });
    const provider = this.#runner(
      'Provider',
      this.provider,
      providerController({
        pool,
        copies,
        forceDeleted,
        deletionLog,
        privileges: { ...createPrivilegeWatch(now), missing: () => Promise.resolve(undefined) },
        readSecret: this.#readSecret,
        readConfigMap: () => Promise.resolve(undefined),
        process: {},
        usersOf: this.#users,
        images: this.#reader('VMImage', anImage()),
        classes: this.#reader('VMClass', aClass()),
        namespaces: NO_NAMESPACES,
        claimedIn: this.#claimed,
      }),
    );
    const vm = this.#runner(
      'VirtualMachine',
      this.vm,
      virtualMachineController({
        policies: readerOf(),
        vmsIn: () => [],
        vmNamed: () => undefined,
        changes: UNKNOWN_CHANGES,
        vmsInCreation: () => [],
        clusterId: 'cluster-1',
        providers,
        classes: this.#reader('VMClass', aClass()),
        images: this.#reader('VMImage', anImage()),
        vms: readerOf(),
        snapshots: readerOf(),
        connections: pool,
        finishing,
        forceDeleted,
        deletionLog,
        linkedClones: createLinkedClones(now),
        readSecret: this.#readSecret,
        readAgain: () => Promise.resolve(),
        readDocuments: createDocumentReader({ now }),
        addressed: () => [],
        snapshotsOf: () => [],
        digest: aDigest,
        vmsOfClass: () => [],
        vmsOfProvider: () => [],
        admissions: createAdmissions(now),
        namespaces: NO_NAMESPACES,
        restartSlots: createRestartSlots({ wake: () => undefined }),
        processStates: createProcessStates(),
        enqueue: () => undefined,
        now,
      }),
    );
    return {
      pool,
      clients,
      async pass() {
        for (const step of [provider, vm, () => finishing.sweep().catch(() => undefined)]) {
          await step();
          await setImmediate(); // what the pass left running ends
        }
      },
      close: () => pool.closeAll(),
    };
  }

  #reader<O extends Resource>(part: Part, object: O): ObjectReader<O> {
    const all = (): readonly O[] => (this.#present.has(part) ? [object] : []);
    return {
      get: (namespace, name) => readerOf(...all()).get(namespace, name),
      partial: (namespace, name) => readerOf(...all()).partial(namespace, name),
      list: () => readerOf(...all()).list(),
    };
  }

  readonly #providers = (): readonly Provider[] => [this.provider.live()].flatMap((each) => each ?? []);

  #runner<O extends Resource, Status extends object>(
    kind: string,
    store: ObjectStore<O>,
    controller: Controller<O, Status>,
  ): () => Promise<void> {
    const clock = {
      now: () => new Date(this.now),
      monotonic: () => millis(this.now),
      after: () => () => undefined,
    };
    const log = pino({ level: 'trace' }, { write: (line: string) => void this.said.push(line) });
    const deps = {
      kind,
      store: coalescing(store, clock),
      events: { publish: (...event: unknown[]) => void this.said.push(JSON.stringify(event)) },
      log,
      clock,
      signal: new AbortController().signal,
      outcomeOf: (error: unknown) => outcomeOf(error) ?? outcomeOfKubeError(error),
      passId: () => 'p',
    };
    return async () => {
      for (const key of store.keys())
        await runPass({ key, reasons: new Set(['edit'] as const) }, controller, deps);
    };
  }
}
