/** A VMClone and what is around it, in memory: passes of the engine, and writes at which the process may die. */
import { pino } from 'pino';
import { vmCloneController } from '../../../../controllers/vmclone/controller.ts';
import type { NamespaceAnnotations, VMClonePorts } from '../../../../controllers/vmclone/ports.ts';
import {
  CLONE_UID_LABEL,
  VirtualMachine as vmKind,
  type VirtualMachine,
  type VMClass,
  type VMClone,
  type VMSnapshot,
} from '../../../../src/api/index.ts';
import { millis, vmid } from '../../../../src/lib/units.ts';
import { coalescing } from '../../../../src/runtime/coalescing.ts';
import type { Condition } from '../../../../src/runtime/conditions.ts';
import type { EventNote, ObjectReader, Readable, Resource } from '../../../../src/runtime/controller.ts';
import { runPass, type PassResult } from '../../../../src/runtime/engine.ts';
import type { ObjectStore } from '../../../../src/runtime/object-store.ts';
import { inMemoryObject, type InMemoryObject } from '../../../builders/in-memory-object.ts';
import { aClone, aVirtualMachine, readerOf, type CloneChange } from '../../../builders/objects.ts';

/** The process ended. */
export class Death extends Error {}

export const template = (change: Parameters<typeof aVirtualMachine>[0] = {}): VirtualMachine =>
  aVirtualMachine({
    ...change,
    metadata: { name: 'template-vm', uid: 'uid-of-template', ...change.metadata },
    status: { vmid: vmid(100), phase: 'Stopped', ...change.status },
  });

export const cloneOf = (change: CloneChange = {}): VMClone =>
  aClone({ ...change, spec: { sourceVMRef: { name: 'template-vm' }, ...change.spec } });

export class World {
  readonly store: InMemoryObject<VMClone>;
  vms: readonly VirtualMachine[];
  classes: readonly VMClass[] = [];
  snapshots: readonly VMSnapshot[] = [];
  namespaces: Readonly<Record<string, NamespaceAnnotations>> = {};
  watched: readonly string[] | undefined;
  /** Objects that the API server has and the cache does not. */
  unseen: ReadonlySet<string> = new Set();
  readonly created: VirtualMachine[] = [];
  readonly events: EventNote[] = [];
  /** Called before and after each write; it throws where the process dies. */
  onWrite: (what: string) => void = () => undefined;
  #passes = 0;

  constructor(clone: VMClone = cloneOf(), vms: readonly VirtualMachine[] = [template()]) {
    this.store = inMemoryObject(clone);
    this.vms = vms;
  }

  get status(): NonNullable<VMClone['status']> {
    return this.store.live()?.status ?? {};
  }

  get conditions(): readonly Condition[] {
    return (this.status.conditions ?? []) as readonly Condition[];
  }

  /** `False VMNotFound: …` */
  get ready(): string {
    const found = this.conditions.find(({ type }) => type === 'Ready');
    return found ? `${found.status} ${found.reason}: ${found.message}` : '';
  }

  vm(name: string): VirtualMachine | undefined {
    return this.vms.find(({ metadata }) => metadata.name === name);
  }

  /** What the controller of VirtualMachines reports. */
  report(name: string, status: NonNullable<VirtualMachine['status']>): void {
    this.vms = this.vms.map((vm) => (vm.metadata.name === name ? { ...vm, status } : vm));
  }

  finish(name: string, more: NonNullable<VirtualMachine['status']> = {}): void {
    this.report(name, {
      vmid: vmid(105),
      phase: 'Running',
      cloneType: 'Linked',
      createdAt: '2026-03-01T10:00:00Z',
      ...more,
    });
  }

  delete(name: string): void {
    this.vms = this.vms.filter(({ metadata }) => metadata.name !== name);
  }

  /** As a process that remembers nothing. */
  async pass(): Promise<PassResult> {
    const clock = {
      now: () => new Date(Date.parse('2026-03-01T09:00:00Z') + this.#passes * 60_000),
      monotonic: () => millis(this.#passes * 60_000),
      after: () => () => undefined,
    };
    this.#passes += 1;
    return runPass(
      { key: 'default/web-clone', reasons: new Set(['edit']) },
      vmCloneController(this.#ports()),
      {
        kind: 'VMClone',
        store: coalescing(this.#mortal(), clock),
        events: { publish: (_about, note) => void this.events.push(note) },
        log: pino({ enabled: false }),
        clock,
        signal: new AbortController().signal,
        outcomeOf: (error) => {
          if (error instanceof Death) throw error;
          return undefined;
        },
        passId: () => 'p',
      },
    );
  }

  async passes(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) await this.pass();
  }

  #mortal(): ObjectStore<VMClone> {
    return {
      ...this.store,
      writeStatus: async (...args) => {
        this.onWrite('before status');
        const written = await this.store.writeStatus(...args);
        this.onWrite('after status');
        return written;
      },
    };
  }

  #reader<O extends Resource>(objects: readonly O[]): ObjectReader<O> {
    const seen = objects.filter(({ metadata }) => !this.unseen.has(metadata.name));
    return { ...readerOf(...seen), covers: (namespace) => this.watched?.includes(namespace) ?? true };
  }

  #ports(): VMClonePorts {
    const vms = (): ObjectReader<VirtualMachine> => this.#reader(this.vms);
    return {
      vms: {
        covers: (namespace) => vms().covers?.(namespace) ?? true,
        get: (...at) => vms().get(...at),
        partial: (...at) => vms().partial(...at),
        list: () => vms().list(),
      },
      snapshots: this.#reader(this.snapshots),
      classes: this.#reader(this.classes),
      copiesOf: (uid) =>
        vms()
          .list()
          .filter(({ metadata }: Readable<VirtualMachine>) => metadata.labels[CLONE_UID_LABEL] === uid),
      vmWriter: {
        create: ({ namespace, name, labels = {}, annotations = {}, spec }) => {
          this.onWrite('before create');
          const isTaken = this.vms.some(
            ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
          );
          if (!isTaken) this.#add({ namespace, name, labels, annotations }, vmKind.spec.parse(spec));
          this.onWrite('after create');
          return Promise.resolve(isTaken ? 'exists' : 'created');
        },
        delete: () => Promise.reject(new Error('A VMClone deletes nothing.')),
      },
      annotationsOf: (namespace) => this.namespaces[namespace] ?? 'absent',
    };
  }

  #add(metadata: Partial<Resource['metadata']>, spec: VirtualMachine['spec']): void {
    const { spec: _spec, ...head } = aVirtualMachine();
    const uid = `uid-of-copy-${this.created.length + 1}`;
    const made = { ...head, metadata: { ...head.metadata, ...metadata, uid }, spec };
    this.created.push(made);
    this.vms = [...this.vms, made];
  }
}
