/** What was admitted to a quota and is in no status yet. */
import type { VirtualMachine, VirtualMachineStatus } from '../../../src/api/index.ts';
import { minutes } from '../../../src/lib/units.ts';
import type { Controller } from '../../../src/runtime/controller.ts';

export type Amounts = Readonly<Record<'vms' | 'cpus' | 'memory', number>>;

/** A VM that was admitted counts before its status in the cache says so. */
export interface Admissions {
  /** What it was admitted for, as long as that may not be in its status yet. */
  readonly of: (uid: string) => Amounts | undefined;
  readonly admit: (uid: string, amounts: Amounts) => void;
  readonly withdraw: (uid: string) => void;
}

const REMEMBERED_FOR = minutes(10);

export function createAdmissions(now: () => number): Admissions {
  const admitted = new Map<string, { readonly amounts: Amounts; readonly until: number }>();
  return {
    of(uid) {
      const entry = admitted.get(uid);
      return entry && entry.until > now() ? entry.amounts : undefined;
    },
    admit(uid, amounts) {
      for (const [each, { until }] of admitted) if (until <= now()) admitted.delete(each);
      admitted.set(uid, { amounts, until: now() + REMEMBERED_FOR });
    },
    withdraw(uid) {
      admitted.delete(uid);
    },
  };
}

/** A pass that ends without a VMID has made nothing of its admission: others may have that part of the quota. */
export const withdrawingUnused = (
  controller: Controller<VirtualMachine, VirtualMachineStatus>,
  admissions: Pick<Admissions, 'withdraw'>,
): Controller<VirtualMachine, VirtualMachineStatus> => ({
  ...controller,
  async reconcile(vm, pass) {
    const result = await controller.reconcile(vm, pass);
    if (result.status.vmid === undefined) admissions.withdraw(vm.metadata.uid);
    return result;
  },
});
