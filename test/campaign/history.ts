/** What the campaign has asked for: whom it invited to stop, and whose guests stay behind. */
import type { Action } from './edits.ts';
import { conditionOf, ownerOf, type KubeObject, type PveState, type Task, type World } from './world.ts';

const isOn = (spec: KubeObject['spec']): boolean =>
  spec['powerState'] === undefined || spec['powerState'] === 'On' || spec['powerState'] === true;

const mayRestart = (spec: KubeObject['spec']): boolean =>
  spec['rebootPolicy'] === 'IfRequired' || spec['rebootPolicy'] === 'MaintenanceWindow';

/** Its specs may let the guest stop; each of them counts until the next check. */
const allowsStop = (spec: KubeObject['spec']): boolean => !isOn(spec) || mayRestart(spec);

const leavesGuest = ({ spec }: KubeObject): boolean =>
  spec['deletionPolicy'] === 'Retain' ||
  spec['deletionPolicy'] === 'Stop' ||
  spec['managementPolicy'] === 'ObserveOnly';

export class History {
  private readonly invited = new Set<string>();
  /** Of each VMID, which may have had several guests since the last check. */
  private names = new Map<string, Set<string>>();
  private readonly tasksSeen = new Set<string>();
  /** Objects that left their guest behind. */
  readonly retained = new Set<string>();
  readonly lines: string[] = [];

  /** Before an action is carried out, with the objects as they are. */
  note(action: Action, objects: readonly KubeObject[], line: string): void {
    this.lines.push(line);
    this.see(objects);
    if (action.do === 'restart' || action.do === 'recreate') this.invited.add(action.name);
    if (action.do === 'revert') this.invited.add(action.of);
    if (action.do !== 'set' || action.kind !== 'VirtualMachine') return;
    if (allowsStop({ [action.field]: action.value })) this.invited.add(action.name);
  }

  /** A policy that was in effect at any moment of an object may be the one that its deletion met. */
  see(objects: readonly KubeObject[]): void {
    for (const object of objects.filter(({ kind }) => kind === 'VirtualMachine')) {
      if (allowsStop(object.spec)) this.invited.add(object.metadata.name);
      if (leavesGuest(object)) this.retained.add(object.metadata.uid);
    }
  }

  /** Remembers whose guests there are, also for when they are gone. */
  seeGuests({ guests }: PveState, objects: readonly KubeObject[]): void {
    const names = new Map(objects.map(({ metadata }) => [metadata.uid, metadata.name]));
    for (const guest of guests) {
      const name = names.get(ownerOf(guest) ?? '');
      const key = String(guest.vmid);
      if (name !== undefined) this.names.set(key, (this.names.get(key) ?? new Set()).add(name));
    }
  }

  namesOf(vmid: string): readonly string[] {
    return [...(this.names.get(vmid) ?? [])];
  }

  isInvited(name: string): boolean {
    return this.invited.has(name);
  }

  /** Tasks that no check has seen before. */
  newTasks({ tasks }: PveState): readonly Task[] {
    const found = tasks.filter(({ upid }) => !this.tasksSeen.has(upid));
    for (const { upid } of tasks) this.tasksSeen.add(upid);
    return found;
  }

  /** After a check, with the guests as they were then. What is not settled may still have to do what it was asked for. */
  forget({ objects, pve }: World): void {
    this.names = new Map();
    this.seeGuests(pve, objects);
    for (const object of objects)
      if (conditionOf(object, 'Ready')?.status === 'True') this.invited.delete(object.metadata.name);
  }
}
