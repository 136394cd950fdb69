/** One VirtualMachine as the API server would keep it, behind the engine's store. */
import { VirtualMachine, type VirtualMachineStatus } from '../../src/api/index.ts';
import type { Condition } from '../../src/runtime/conditions.ts';
import type { Entry, ObjectStore, Written } from '../../src/runtime/object-store.ts';
import { aVirtualMachine, type VirtualMachineChange } from './objects.ts';

type VmEntry = Entry<ReturnType<typeof aVirtualMachine>>;

export const VM_KEY = 'default/web';

export interface VmStore extends ObjectStore<ReturnType<typeof aVirtualMachine>> {
  live(): VmEntry | undefined;
  /** The watch delivers all changes. */
  sync(): void;
  /** `kubectl edit`; `unseen`: the watch has not delivered it yet. */
  editSpec(change: NonNullable<VirtualMachineChange['spec']>, watch?: 'seen' | 'unseen'): void;
  /** `kubectl annotate` */
  annotate(annotations: Readonly<Record<string, string>>): void;
  /** `kubectl delete` */
  markDeleted(): void;
  /** Somebody replaces the status by an empty one. */
  loseStatus(): void;
  readonly statusWrites: Readonly<Record<string, unknown>>[];
}

/**
 * @param lagging whether the cache learns of our own writes only from the watch
 * @param stored the object as another store has it, instead of a new one
 */
export function inMemoryVm(
  change: VirtualMachineChange = {},
  lagging = (): boolean => false,
  stored?: VmEntry,
): VmStore {
  let version = Number(stored?.metadata.resourceVersion ?? 1);
  const entryOf = (
    { metadata, spec }: ReturnType<typeof aVirtualMachine>,
    rawStatus: Readonly<Record<string, unknown>> | undefined,
  ): VmEntry => {
    const status: VirtualMachineStatus | undefined = rawStatus && VirtualMachine.status.parse(rawStatus);
    const object = aVirtualMachine({ metadata, spec, status });
    return {
      key: VM_KEY,
      metadata,
      object,
      partial: object,
      rawStatus,
      conditions: (rawStatus?.['conditions'] ?? []) as readonly Condition[],
    };
  };
  let live: VmEntry | undefined = stored ?? entryOf(aVirtualMachine(change), undefined);
  let cached: VmEntry | undefined = live;
  const statusWrites: Readonly<Record<string, unknown>>[] = [];

  const renew = (
    entry: VmEntry,
    {
      metadata,
      spec,
      rawStatus = entry.rawStatus,
    }: VirtualMachineChange & { readonly rawStatus?: VmEntry['rawStatus'] },
  ): VmEntry => {
    version += 1;
    const next = { ...entry.metadata, ...metadata, resourceVersion: String(version) };
    return entryOf(aVirtualMachine({ metadata: next, spec: { ...entry.object?.spec, ...spec } }), rawStatus);
  };

  function write(
    seen: VmEntry,
    next: (entry: VmEntry) => VmEntry,
  ): Promise<Written<ReturnType<typeof aVirtualMachine>>> {
    if (!live) return Promise.resolve('gone');
    if (live.metadata.resourceVersion !== seen.metadata.resourceVersion) return Promise.resolve('conflict');
    const written = next(live);
    live =
      written.metadata.deletionTimestamp && written.metadata.finalizers.length === 0 ? undefined : written;
    if (!lagging()) cached = live;
    return Promise.resolve(written);
  }

  return {
    statusWrites,
    live: () => live,
    sync: () => (cached = live),
    cached: () => cached,
    keys: () => [VM_KEY],
    fetch: () => Promise.resolve((cached = live)),
    editSpec(spec, watch = 'seen') {
      live &&= renew(live, { spec, metadata: { generation: live.metadata.generation + 1 } });
      if (watch === 'seen') cached = live;
    },
    annotate(annotations) {
      live &&= renew(live, { metadata: { annotations } });
      cached = live;
    },
    loseStatus() {
      live &&= renew(live, { rawStatus: {} });
      cached = live;
    },
    markDeleted() {
      live &&= renew(live, {
        metadata: { deletionTimestamp: '2026-03-01T12:00:00Z', generation: live.metadata.generation + 1 },
      });
      if (live?.metadata.finalizers.length === 0) live = undefined;
      cached = live;
    },
    completed: (_entry, status) => status,
    restated: (entry, rawStatus) => entryOf(aVirtualMachine(entry.object), rawStatus),
    writeFinalizers: (entry, finalizers) =>
      write(entry, (stored) => renew(stored, { metadata: { finalizers } })),
    writeStatus: (entry, status) =>
      write(entry, (stored) => {
        const rawStatus = JSON.parse(JSON.stringify(status)) as Record<string, unknown>;
        statusWrites.push(rawStatus);
        return renew(stored, { rawStatus });
      }),
  };
}
