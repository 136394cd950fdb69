/** A namespace with VMs and a schedule, in memory: passes of the controller, with a clock that tests move. */
import { pino } from 'pino';
import { vmSnapshotScheduleController } from '../../../../controllers/vmsnapshotschedule/controller.ts';
import type { VMSnapshotSchedulePorts } from '../../../../controllers/vmsnapshotschedule/ports.ts';
import { isFinished } from '../../../../controllers/vmsnapshotschedule/snapshots.ts';
import {
  SCHEDULE_UID_LABEL,
  VMSnapshot as kind,
  VMSnapshotSchedule as scheduleKind,
  type VirtualMachine,
  type VMSnapshot,
  type VMSnapshotSchedule,
} from '../../../../src/api/index.ts';
import { bytes, nodeName, vmid } from '../../../../src/lib/units.ts';
import type { EventNote, ReconcileResult, Resource } from '../../../../src/runtime/controller.ts';
import { aVirtualMachine } from '../../../builders/objects.ts';
import { aStorage, aView } from '../../../builders/views.ts';

type Meta = Resource['metadata'];
const log = pino({ enabled: false });

export const aSchedule = (
  spec: Partial<VMSnapshotSchedule['spec']> = {},
  metadata: Partial<Meta> = {},
  status?: VMSnapshotSchedule['status'],
): VMSnapshotSchedule => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind: 'VMSnapshotSchedule',
  metadata: {
    name: 'nightly',
    namespace: 'default',
    uid: 'uid-of-nightly',
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: '2026-03-01T00:00:00Z',
    finalizers: [],
    labels: {},
    annotations: {},
    ...metadata,
  },
  spec: { schedule: '0 2 * * *', selector: {}, ...spec },
  ...(status && { status }),
});

/** On the storage `local-lvm`, unless a test names others. */
export const aVM = (
  name: string,
  storages: readonly string[] = ['local-lvm'],
  metadata: Partial<Meta> = {},
) =>
  aVirtualMachine({
    metadata: { name, ...metadata },
    status: {
      vmid: vmid(100),
      phase: 'Running',
      node: nodeName('pve-1'),
      disks: storages.map((storage, i) => ({ name: `d${i}`, device: `scsi${i}`, storage })),
    },
  });

export class World {
  now = Date.parse('2026-03-01T01:00:00Z');
  schedule: VMSnapshotSchedule;
  vms: readonly VirtualMachine[];
  snapshots: readonly VMSnapshot[] = [];
  /** How full the storages are, by name; absent: the Provider is not connected. */
  usage: Readonly<Record<string, number>> | undefined = {};
  /** What the API server has, where the cache is behind it. */
  live: VMSnapshotSchedule | undefined;
  readonly events: EventNote[] = [];
  readonly created: string[] = [];
  /** Called before each write; it throws where the process dies. */
  onWrite: (what: string) => void = () => undefined;
  result: ReconcileResult<object> | undefined;
  #controller = this.#process();
  #version = 1;

  constructor(schedule: VMSnapshotSchedule, vms: readonly VirtualMachine[]) {
    this.schedule = schedule;
    this.vms = vms;
  }

  /** Another process, which remembers nothing. */
  restart(): void {
    this.#controller = this.#process();
  }

  /** One pass, a second later; its report is stored. */
  async pass(): Promise<void> {
    this.now += 1000;
    const { schedule } = this;
    const result = await this.#controller.reconcile(schedule, {
      now: new Date(this.now),
      signal: new AbortController().signal,
      log,
      deleting: false,
      reasons: new Set(['timer']),
      reread: () => Promise.resolve(this.live ?? this.schedule),
    });
    this.result = result;
    if (result.outcome.kind === 'unchanged') return;
    this.onWrite('status');
    // As it is stored.
    const status = scheduleKind.status.parse(JSON.parse(JSON.stringify(result.status)));
    this.schedule = { ...schedule, status };
    this.events.push(...(result.events ?? []));
  }

  async passes(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) await this.pass();
  }

  at(time: string): void {
    this.now = Date.parse(time) - 1000;
  }

  edit(spec: Partial<VMSnapshotSchedule['spec']>): void {
    const { metadata } = this.schedule;
    this.schedule = {
      ...this.schedule,
      spec: { ...this.schedule.spec, ...spec },
      metadata: { ...metadata, generation: metadata.generation + 1 },
    };
  }

  /** What the controller of VMSnapshots reports. */
  report(status: NonNullable<VMSnapshot['status']>, ...names: readonly string[]): void {
    this.snapshots = this.snapshots.map((snapshot) =>
      names.length > 0 && !names.includes(snapshot.metadata.name) ? snapshot : { ...snapshot, status },
    );
  }

  finishAll(): void {
    this.report({ readyToUse: true, creationTime: new Date(this.now).toISOString() });
  }

  /** Those that are ready keep the time at which they were taken. */
  finishNew(): void {
    const status = { readyToUse: true, creationTime: new Date(this.now).toISOString() };
    this.snapshots = this.snapshots.map((each) => (each.status ? each : { ...each, status }));
  }

  #process() {
    return vmSnapshotScheduleController(this.#ports());
  }

  #ports(): VMSnapshotSchedulePorts {
    const isOf = ({ metadata }: VMSnapshot, uid: string) => metadata.labels[SCHEDULE_UID_LABEL] === uid;
    const bySchedule = () => this.snapshots.filter(({ metadata }) => metadata.labels[SCHEDULE_UID_LABEL]);
    return {
      vmsIn: (namespace) => this.vms.filter(({ metadata }) => metadata.namespace === namespace),
      vmNamed: (_namespace, name) => this.vms.find(({ metadata }) => metadata.name === name),
      snapshotsOfSchedule: (uid) => this.snapshots.filter((each) => isOf(each, uid)),
      unfinishedSnapshots: () => bySchedule().filter((each) => !isFinished(each)),
      snapshotNamed: (_namespace, name) => this.snapshots.find(({ metadata }) => metadata.name === name),
      connections: {
        get: () =>
          this.usage &&
          ({
            inventory: {
              view: () =>
                aView({
                  storages: Object.entries(this.usage ?? {}).map(([storage, used]) =>
                    aStorage(storage, { shared: true, total: bytes(100), used: bytes(used) }),
                  ),
                }),
            },
          } as never),
      },
      snapshotWriter: {
        create: ({ namespace, name, labels = {}, annotations = {}, spec }) => {
          this.onWrite(`create ${name}`);
          if (this.snapshots.some(({ metadata }) => metadata.name === name)) return Promise.resolve('exists');
          this.created.push(name);
          this.add(name, { namespace, labels, annotations }, kind.spec.parse(spec));
          return Promise.resolve('created');
        },
        delete: ({ name, uid, resourceVersion }) => {
          this.onWrite(`delete ${name}`);
          const isIt = ({ metadata }: VMSnapshot) => metadata.name === name;
          const found = this.snapshots.find(isIt)?.metadata;
          if (found && (found.uid !== uid || found.resourceVersion !== resourceVersion))
            return Promise.resolve('changed');
          this.snapshots = this.snapshots.filter((each) => !isIt(each));
          return Promise.resolve('deleted');
        },
      },
      now: () => this.now,
    };
  }

  add(name: string, metadata: Partial<Meta>, spec: VMSnapshot['spec'], status?: VMSnapshot['status']): void {
    this.#version += 1;
    const made: VMSnapshot = {
      apiVersion: 'infra.virtrigaud.io/v1beta1',
      kind: 'VMSnapshot',
      metadata: {
        ...aSchedule().metadata,
        name,
        uid: `uid-${this.#version}`,
        resourceVersion: String(this.#version),
        creationTimestamp: new Date(this.now).toISOString(),
        ...metadata,
      },
      spec,
      ...(status && { status }),
    };
    this.snapshots = [...this.snapshots, made];
  }
}
