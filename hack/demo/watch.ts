/** Polls the VMs until they are ready, and prints what each is waiting for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ControlPlane } from '../control-plane/index.ts';

const Vm = z.object({
  metadata: z.object({ name: z.string(), generation: z.number() }),
  spec: z.object({ powerState: z.unknown().optional() }),
  status: z
    .object({
      phase: z.string().optional(),
      node: z.string().optional(),
      vmid: z.number().optional(),
      ipAddresses: z.array(z.string()).default([]),
      conditions: z
        .array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() }))
        .default([]),
    })
    .default({ ipAddresses: [], conditions: [] }),
});
export type Vm = z.output<typeof Vm>;

export async function vmsOf(plane: ControlPlane): Promise<readonly Vm[]> {
  const { stdout, code, stderr } = await plane.kubectl(['get', 'vm', '-A', '-o', 'json']);
  if (code !== 0) throw new Error(`kubectl get vm failed: ${stderr}`);
  return z.object({ items: z.array(Vm) }).parse(JSON.parse(stdout)).items;
}

const wantsPower = ({ spec: { powerState } }: Vm): boolean => powerState !== 'Off' && powerState !== false;

/** Whether the VM runs with an address, or is off as desired. */
export const isThere = (vm: Vm): boolean => {
  const ready = vm.status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  if (!wantsPower(vm)) return ready && vm.status.phase === 'Stopped';
  return ready && vm.status.phase === 'Running' && vm.status.ipAddresses.length > 0;
};

function state(vm: Vm): string {
  const { phase = 'new', node, vmid, ipAddresses, conditions } = vm.status;
  const ready = conditions.find(({ type }) => type === 'Ready');
  const where = vmid === undefined ? '' : ` (VM ${vmid}${node === undefined ? '' : ` on ${node}`})`;
  if (isThere(vm)) return `${phase}${where} ${ipAddresses.join(' ')}`.trimEnd();
  const why =
    ready?.status === 'True' ? 'waiting for an address' : (ready?.message ?? 'waiting for the operator');
  return `${phase}${where}: ${why}`;
}

/** Resolves when every VM is ready; rejects with the others after the timeout. */
export async function untilThere(
  plane: ControlPlane,
  options: { readonly count: number; readonly withinMs: number; readonly say: (line: string) => void },
): Promise<readonly Vm[]> {
  const printed = new Map<string, string>();
  const started = Date.now();
  for (;;) {
    const vms = await vmsOf(plane);
    for (const vm of vms) {
      const now = state(vm);
      if (printed.get(vm.metadata.name) === now) continue;
      printed.set(vm.metadata.name, now);
      options.say(
        `${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s  ${vm.metadata.name.padEnd(14)} ${now}`,
      );
    }
    if (vms.length >= options.count && vms.every(isThere)) return vms;
    if (Date.now() - started > options.withinMs) {
      const missing = vms.filter((vm) => !isThere(vm)).map((vm) => `${vm.metadata.name}: ${state(vm)}`);
      throw new Error(`VMs not ready after ${options.withinMs / 1000} s:\n${missing.join('\n')}`);
    }
    await sleep(250);
  }
}
