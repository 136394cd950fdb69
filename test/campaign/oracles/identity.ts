/** One object, one guest: nothing is made twice, nobody's guest is lost, and no disk is left without a guest. */
import { conditionOf, ownerOf, type Guest, type KubeObject, type World } from '../world.ts';

/** `retained`: the uids of VirtualMachines that left their guest behind as their spec said. */
export function brokenIdentities({ objects, pve }: World, retained: ReadonlySet<string>): readonly string[] {
  const vms = new Map(
    objects.filter(({ kind }) => kind === 'VirtualMachine').map((vm) => [vm.metadata.uid, vm]),
  );
  const byOwner = Map.groupBy(pve.guests, ownerOf);
  byOwner.delete(undefined);
  const twice = [...byOwner].flatMap(([uid = '', guests]) =>
    guests.length === 1
      ? []
      : [`${numbers(guests)} belong to one object, ${vms.get(uid)?.metadata.name ?? uid}`],
  );
  const lost = [...byOwner].flatMap(([uid = '', guests]) =>
    vms.has(uid) || retained.has(uid) ? [] : [`${numbers(guests)} belongs to an object that is gone, ${uid}`],
  );
  const mistaken = [...vms.values()].flatMap((vm) => mistakenVmid(vm, byOwner.get(vm.metadata.uid)?.[0]));
  return [...twice, ...lost, ...mistaken];
}

const numbers = (guests: readonly Guest[]): string =>
  `guest ${guests.map(({ vmid, config }) => `${vmid} (${config['name'] ?? 'without a name'})`).join(', ')}`;

/** A VM that is Ready names the guest that carries its mark. */
const mistakenVmid = (vm: KubeObject, guest: Guest | undefined): readonly string[] =>
  conditionOf(vm, 'Ready')?.status !== 'True' || guest?.vmid === vm.status['vmid']
    ? []
    : [
        `${vm.metadata.name} is Ready with VMID ${String(vm.status['vmid'])}, its guest is ${guest?.vmid ?? 'missing'}`,
      ];

/** Disks whose guest does not exist. To be asked only when nothing is being made. */
export function orphanedVolumes({ pve: { guests, volumes } }: World): readonly string[] {
  const numbers = new Set(guests.map(({ vmid }) => vmid));
  return volumes.flatMap(({ vmid, volid }) =>
    vmid === undefined || numbers.has(vmid)
      ? []
      : [`the volume ${volid} belongs to a guest that does not exist`],
  );
}
