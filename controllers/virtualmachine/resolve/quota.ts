/**
 * Quotas of a grant: how many VMs its namespaces may have of a Provider, with how many CPUs and how much memory. What
 * exists is counted and never refused; what would be more is admitted in one order, so that equal facts admit the same VMs
 * whichever of them is looked at.
 */
import type { Provider, VirtualMachine, VMClass } from '../../../src/api/index.ts';
import { formatQuantity, parseQuantity } from '../../../src/lib/quantity.ts';
import { bytes } from '../../../src/lib/units.ts';
import type { ObjectReader, Readable } from '../../../src/runtime/controller.ts';
import { askFor, grantOf, type Grant } from '../../shared/grants/grants.ts';
import type { Namespaces } from '../../shared/grants/namespaces.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import type { Unresolved } from '../model/desired.ts';
import type { Admissions, Amounts } from './admissions.ts';

const KINDS = ['vms', 'cpus', 'memory'] as const;
type Quotas = NonNullable<Grant['quotas']>;

export interface Member {
  readonly uid: string;
  /** Its place among those that want more. */
  readonly order: string;
  /** What it has, or was admitted for. */
  readonly has: Amounts;
  readonly wants: Amounts;
}

/** The quota that keeps the VM from what it wants; `undefined`: there is room. Pure. */
export function exceededBy(
  uid: string,
  members: readonly Member[],
  quotas: Quotas,
): keyof Amounts | undefined {
  let used = members.reduce((sum, { has }) => plus(sum, has), NOTHING);
  const hungry = members
    .filter((member) => wantsMore(member))
    .toSorted((a, b) => Number(isNew(a)) - Number(isNew(b)) || (a.order < b.order ? -1 : 1));
  for (const member of hungry) {
    const then = plus(used, more(member));
    const full = KINDS.find((kind) => more(member)[kind] > 0 && then[kind] > (quotas[kind] ?? Infinity));
    if (member.uid === uid) return full;
    if (full === undefined) used = then;
  }
  return undefined;
}

const NOTHING: Amounts = { vms: 0, cpus: 0, memory: 0 };

const combine = (how: (kind: keyof Amounts) => number): Amounts => ({
  vms: how('vms'),
  cpus: how('cpus'),
  memory: how('memory'),
});

const plus = (a: Amounts, b: Amounts): Amounts => combine((kind) => a[kind] + b[kind]);

const more = ({ has, wants }: Member): Amounts => combine((kind) => Math.max(0, wants[kind] - has[kind]));

export const wantsMore = (member: Member): boolean => KINDS.some((kind) => more(member)[kind] > 0);

const isNew = ({ has }: Member): boolean => has.vms === 0;

export interface QuotaPorts {
  readonly classes: ObjectReader<VMClass>;
  /** The VMs that refer to this Provider. */
  readonly vmsOfProvider: (namespace: string, name: string) => readonly Readable<VirtualMachine>[];
  readonly admissions: Admissions;
  readonly namespaces: Namespaces;
}

/** Why the VM may not have what it wants. One that is admitted is counted from now on. */
export function refusedByQuota(
  vm: VirtualMachine,
  provider: Provider,
  { classes, vmsOfProvider, admissions, namespaces }: QuotaPorts,
): Unresolved | undefined {
  const grant = grantOf(provider, vm.metadata.namespace, namespaces);
  if (!grant?.quotas) return undefined;
  const memberOf = (each: Readable<VirtualMachine>): Member =>
    memberFrom(each, classOf(each, classes), admissions);
  const self = memberOf(vm);
  if (!wantsMore(self)) return undefined;
  const { namespace, name } = provider.metadata;
  const entries = new Map<string, number | undefined>();
  const entryOf = (from: string): number | undefined => {
    if (!entries.has(from)) entries.set(from, grantOf(provider, from, namespaces)?.entry);
    return entries.get(from);
  };
  const others = vmsOfProvider(namespace, name).filter(
    ({ metadata, status }) =>
      metadata.uid !== self.uid &&
      entryOf(metadata.namespace) === grant.entry &&
      (status?.vmid !== undefined ||
        admissions.of(metadata.uid) !== undefined ||
        competes({ metadata, status })),
  );
  const exceeded = exceededBy(self.uid, [self, ...others.map(memberOf)], grant.quotas);
  if (exceeded !== undefined) return refusal(exceeded, grant.quotas, grant);
  admissions.admit(self.uid, self.wants);
  return undefined;
}

/** What keeps a VM from being made for as long as it takes to find out, or just until there is room in the quota. */
const PASSING: readonly string[] = ['QuotaExceeded', Reasons.providerNotReady, Reasons.providerUnreachable];

/**
 * Whether a VM without a VMID waits for its part of the quota. One that something else keeps from being made holds
 * nothing; once that is out of the way, its own pass asks for its part.
 */
function competes({ metadata, status }: Pick<Readable<VirtualMachine>, 'metadata' | 'status'>): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.observedGeneration !== metadata.generation || PASSING.includes(ready.reason);
}

const classOf = (
  { metadata, spec: { classRef } }: Readable<VirtualMachine>,
  classes: ObjectReader<VMClass>,
): VMClass | undefined => classRef && classes.get(classRef.namespace ?? metadata.namespace, classRef.name);

function memberFrom(
  vm: Readable<VirtualMachine>,
  vmClass: VMClass | undefined,
  admissions: Admissions,
): Member {
  const { uid, creationTimestamp = '', namespace, name } = vm.metadata;
  const size = vmClass?.spec ?? { cpus: 0, memory: bytes(0) };
  // A guest may take the memory that it can grow to: the balloon needs its cooperation.
  const wants = { vms: 1, cpus: size.cpus, memory: size.maxMemory ?? size.memory };
  const inStatus = hasNow(vm, size, wants);
  const before = admissions.of(uid) ?? NOTHING;
  const has = combine((kind) => Math.max(inStatus[kind], Math.min(before[kind], wants[kind])));
  return { uid, order: `${creationTimestamp}/${namespace}/${name}`, has, wants };
}

type Size = Pick<VMClass['spec'], 'cpus' | 'memory' | 'maxMemory'>;

/** A guest with the CPUs and the memory of its class has the room to grow, too. */
function hasNow({ status }: Readable<VirtualMachine>, size: Size, wants: Amounts): Amounts {
  if (status?.vmid === undefined) return NOTHING;
  const now = { vms: 1, cpus: status.cpus ?? size.cpus, memory: memoryOf(status.memory) ?? size.memory };
  const isComplete = now.cpus >= size.cpus && now.memory >= size.memory;
  return isComplete ? combine((kind) => Math.max(now[kind], wants[kind])) : now;
}

function memoryOf(text: string | undefined): number | undefined {
  const parsed = text === undefined ? undefined : parseQuantity(text);
  return parsed && 'value' in parsed ? parsed.value : undefined;
}

function refusal(exceeded: keyof Amounts, quotas: Quotas, grant: Grant): Unresolved {
  const limit = {
    vms: `${quotas.vms ?? 0} VMs`,
    cpus: `${quotas.cpus ?? 0} CPUs`,
    memory: `${formatQuantity(quotas.memory ?? bytes(0))} of memory`,
  }[exceeded];
  return {
    ok: false,
    reason: 'QuotaExceeded',
    message: `With this VM as its spec and class say, the VMs of namespace ${grant.namespace} and of those that share its quota would have more than ${limit} of Provider ${grant.provider}. Delete a VM, use smaller classes, or ${askFor('quotas', grant)}.`,
  };
}
