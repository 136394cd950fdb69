/** The guest is as the spec says, or a condition says why it is not; and no condition is empty talk. */
import { conditionOf, ownerOf, type KubeObject, type World } from '../world.ts';
import { differences } from './reading.ts';

/** Conditions that say that something of the spec is not, or not yet, as it should be. */
const saysWhy = (vm: KubeObject): boolean =>
  conditionOf(vm, 'Ready')?.status !== 'True' ||
  conditionOf(vm, 'Synced')?.status !== 'True' ||
  ['FieldsIgnored', 'RestartRequired', 'Reconciling'].some(
    (type) => conditionOf(vm, type)?.status === 'True',
  );

/** What was told not to change anything cannot be measured by its spec. */
const isManaged = ({ spec, metadata }: KubeObject): boolean =>
  metadata.deletionTimestamp === undefined &&
  (spec['managementPolicy'] === undefined || spec['managementPolicy'] === 'Full');

const classOf = ({ spec }: KubeObject): unknown => (spec['classRef'] as { name?: unknown }).name;

export function unexplained({ objects, pve }: World): readonly string[] {
  return objects
    .filter((object) => object.kind === 'VirtualMachine' && isManaged(object) && !saysWhy(object))
    .flatMap((vm) => {
      const { name } = vm.metadata;
      const guest = pve.guests.find((each) => ownerOf(each) === vm.metadata.uid);
      const ofClass = objects.find(
        ({ kind, metadata }) => kind === 'VMClass' && metadata.name === classOf(vm),
      );
      if (!guest) return [`${name} is Ready and Synced without a guest`];
      if (!ofClass) return [`${name} is Ready and Synced without its class`];
      return differences(vm, ofClass, guest).map(
        ({ field, expected, actual }) =>
          `${name} is Ready and Synced, but ${field} is "${actual}" in guest ${guest.vmid} instead of "${expected}"`,
      );
    });
}

/** Whatever was observed has been said: a condition for the generation that the object has. */
export const unobserved = ({ objects }: World): readonly string[] =>
  objects
    .filter(({ status, metadata }) => status.observedGeneration !== metadata.generation)
    .map(
      ({ kind, metadata, status }) =>
        `${kind} ${metadata.name} has generation ${metadata.generation}, and its status is of ${status.observedGeneration ?? 'none'}`,
    );

export function voiceless({ objects }: World): readonly string[] {
  return objects.flatMap(({ kind, metadata, status }) =>
    status.conditions
      .filter(({ status: is, message }) => is !== 'True' && message.trim() === '')
      .map(({ type }) => `${kind} ${metadata.name} says ${type} without a word why`),
  );
}
