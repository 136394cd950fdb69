/**
 * What VMs need of a VMImage that is downloaded: on which Provider, storage and node they wait for it. A VM counts only
 * if its own pass found nothing else in its way, so one that is invalid, not granted or over its quota causes no
 * download. Pure.
 */
import {
  DRY_RUN,
  type Provider,
  type Reason,
  type VirtualMachine,
  type VMClass,
  type VMImage,
} from '../../../src/api/index.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { grantOf } from '../grants/grants.ts';
import type { Namespaces } from '../grants/namespaces.ts';
import type { UsersOf } from '../objects/in-use.ts';
import { mayUse, type Reference } from '../objects/references.ts';
import { currentIsos } from './wanted.ts';

/** Equal needs of several VMs count once. */
export interface Demand {
  readonly provider: { readonly namespace: string; readonly name: string };
  /** Where the boot disks of the VMs are to be. Absent: nobody names one, or it is needed as a file for a CD-ROM drive. */
  readonly storage?: string;
  /** The only node that the VMs may be on, or are on. Absent: any node will do. */
  readonly node?: string;
  /** The placement of the VMs chose the node, where no template is yet. Absent: their spec, or they are there. */
  readonly isChosen?: boolean;
  /** How many VMs wait for it. */
  readonly waiting: number;
}

export interface DemandPorts {
  /** The VMs that refer to a VMImage: an index, so that nothing walks all VMs. */
  readonly usersOf: UsersOf;
  readonly providers: ObjectReader<Provider>;
  readonly classes: ObjectReader<VMClass>;
  readonly namespaces: Namespaces;
}

type Image = Pick<VMImage, 'metadata' | 'spec' | 'status'>;
type Vm = Readable<VirtualMachine>;
type Need = Omit<Demand, 'waiting'>;

/** The reason of a VM that waits for nothing but an image. */
export const IMAGE_NOT_READY: Reason = 'ImageNotReady';

/** In a stable order. */
export function demandsFor(image: Image, ports: DemandPorts): readonly Demand[] {
  const { namespace, name } = image.metadata;
  const found = new Map<string, Demand>();
  for (const vm of ports.usersOf(namespace, name)) {
    const need = needOf(vm, image, ports);
    if (!need) continue;
    const key = keyOf(need);
    found.set(key, { ...need, waiting: (found.get(key)?.waiting ?? 0) + 1 });
  }
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, demand]) => demand);
}

const keyOf = ({ provider, storage = '', node = '', isChosen = false }: Need): string =>
  `${provider.namespace}/${provider.name} ${storage} ${node} ${isChosen}`;

/** The VMImages that a VM waits for, or may wait for. */
export const imagesAwaited = (vm: Vm): readonly Reference[] =>
  isAwaiting(vm) || drivesWithout(vm).length > 0
    ? [
        ...(vm.spec.imageRef ? [vm.spec.imageRef] : []),
        ...(vm.spec.cdroms ?? []).map(({ imageRef }) => imageRef),
      ]
    : [];

/** It does not exist, and its own pass found nothing else in its way. */
function isAwaiting({ metadata, status }: Vm): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return (
    status?.vmid === undefined &&
    ready?.reason === IMAGE_NOT_READY &&
    ready.observedGeneration === metadata.generation
  );
}

function needOf(vm: Vm, image: Image, { providers, classes, namespaces }: DemandPorts): Need | undefined {
  const { namespace } = vm.metadata;
  const { providerRef } = vm.spec;
  if (isIdle(vm) || !providerRef || !mayUse(namespace, image)) return undefined;
  const at = { namespace: providerRef.namespace ?? namespace, name: providerRef.name };
  const provider = providers.partial(at.namespace, at.name);
  if (!provider || !grantOf(provider, namespace, namespaces)) return undefined;
  if (isAwaiting(vm)) return { provider: at, ...placeOf(vm, image, { provider, classes }) };
  const waits = drivesWithout(vm, image).some(({ imageRef }) => isTo(image, imageRef, namespace));
  return waits ? { provider: at, ...omitUndefined({ node: vm.status?.node }) } : undefined;
}

/** Nothing is made for it. */
const isIdle = ({ metadata, spec }: Vm): boolean =>
  metadata.deletionTimestamp !== undefined ||
  metadata.annotations[DRY_RUN] === 'true' ||
  spec.managementPolicy === 'ObserveOnly' ||
  spec.managementPolicy === 'Paused';

/** Where a VM that is to be made needs it, as its placement will choose. */
function placeOf(
  vm: Vm,
  image: Image,
  { provider, classes }: { readonly provider: Readable<Provider>; readonly classes: ObjectReader<VMClass> },
): Omit<Need, 'provider'> {
  const { imageRef } = vm.spec;
  const isTemplate = imageRef !== undefined && isTo(image, imageRef, vm.metadata.namespace);
  const chosen = isTemplate ? vm.status?.internal?.templateNode : undefined;
  return omitUndefined({
    storage: isTemplate ? storageOf(vm, provider, classes) : undefined,
    node: chosen ?? vm.spec.placement?.host,
    isChosen: chosen === undefined ? undefined : true,
  });
}

const storageOf = (
  { metadata, spec: { disks = [], classRef } }: Vm,
  { spec }: Readable<Provider>,
  classes: ObjectReader<VMClass>,
): string | undefined =>
  disks.find(({ name }) => name === 'root')?.storageClass ??
  (classRef && classes.get(classRef.namespace ?? metadata.namespace, classRef.name)?.spec.storage?.class) ??
  spec.defaults?.storage;

const isTo = ({ metadata }: Image, { name, namespace }: Reference, from: string): boolean =>
  metadata.name === name && metadata.namespace === (namespace ?? from);

/**
 * CD-ROM drives of a VM that exists which do not have their image.
 * @param image absent: those that have none at all
 */
function drivesWithout(
  { spec: { cdroms = [] }, status }: Vm,
  image?: Image,
): NonNullable<VirtualMachine['spec']['cdroms']> {
  if (status?.name === undefined) return [];
  const volumes = image ? currentIsos(image).map(({ volume }) => volume) : [];
  const now = new Map(status.cdroms?.map(({ name, volume }) => [name, volume]));
  return cdroms.filter(({ name }) => {
    const volume = now.get(name);
    return volume === undefined || (image !== undefined && !volumes.includes(volume));
  });
}
