/** What each operation writes, and when it counts as done. Each gives the milliseconds from the one to the other. */
import { isReady, type Objects, type Seen } from './objects.ts';
import type { Power } from './pve.ts';
import type { Scenario, ScenarioOf } from './scenarios.ts';

export interface Site {
  readonly vms: Objects;
  readonly snapshots: Objects;
  readonly clones: Objects;
  /** Made when the first scenario needs it. */
  readonly pve: () => Power;
  /** Of objects that are created: unique within the namespace. */
  readonly nameFor: (operation: Scenario['operation']) => string;
  /** What is removed again after the scenario, so that it takes no time of it. */
  readonly afterwards: (cleanUp: () => Promise<void>) => void;
}

/** @param vm one that exists, for this operation alone; `create` needs none */
export function perform(scenario: Scenario, vm: string, site: Site): Promise<number> {
  switch (scenario.operation) {
    case 'create':
      return create(scenario, site);
    case 'power':
      return power(scenario, vm, site);
    case 'describe':
      return describe(scenario, vm, site);
    case 'reconfigure':
      return reconfigure(scenario, vm, site);
    case 'snapshot':
      return snapshot(scenario, vm, site);
    case 'clone':
      return clone(scenario, vm, site);
    default:
      return scenario satisfies never;
  }
}

const has = (is: (object: Seen) => boolean) => (object: Seen | undefined) =>
  object !== undefined && is(object);

const isGone = (object: Seen | undefined): boolean => object === undefined;

async function timed(write: () => Promise<void>, shown: () => Promise<number>): Promise<number> {
  const began = performance.now();
  await write();
  return (await shown()) - began;
}

function create({ vm, until, timeout }: ScenarioOf<'create'>, { vms, nameFor }: Site): Promise<number> {
  const name = nameFor('create');
  const isDone = (object: Seen): boolean =>
    isReady(object) && (until === 'Ready' || object.status.ipAddresses.length > 0);
  return timed(
    () => vms.create(name, vm),
    () => vms.until(name, has(isDone), timeout),
  );
}

async function power({ to, timeout }: ScenarioOf<'power'>, vm: string, { vms }: Site): Promise<number> {
  const isThere = (powerState: 'On' | 'Off') =>
    has((object) => isReady(object) && object.status.powerState === powerState);
  const target = to === 'On' ? 'On' : 'Off';
  if (vms.get(vm)?.status.powerState === target) {
    const opposite = target === 'On' ? 'Off' : 'On';
    await vms.patch(vm, { powerState: opposite });
    await vms.until(vm, isThere(opposite), timeout);
  }
  return timed(
    () => vms.patch(vm, { powerState: to }),
    () => vms.until(vm, isThere(target), timeout),
  );
}

/** The operator only observes the VM meanwhile. The time counts from the end of the task in Proxmox VE. */
async function describe(
  { timeout }: ScenarioOf<'describe'>,
  vm: string,
  { vms, pve }: Site,
): Promise<number> {
  await vms.patch(vm, { managementPolicy: 'ObserveOnly' });
  await vms.until(
    vm,
    has(({ metadata, status }) => status['observedGeneration'] === metadata.generation),
    timeout,
  );
  const { vmid, node, powerState } = vms.get(vm)?.status ?? {};
  if (vmid === undefined || node === undefined) throw new Error(`VirtualMachine ${vm} has no VM to describe`);
  const [change, next] = powerState === 'On' ? (['stop', 'Off'] as const) : (['start', 'On'] as const);
  await pve().set({ vmid, node }, change);
  const began = performance.now();
  const took =
    (await vms.until(
      vm,
      has(({ status }) => status.powerState === next),
      timeout,
    )) - began;
  return Math.max(took, 0);
}

async function reconfigure(
  { classes, timeout }: ScenarioOf<'reconfigure'>,
  vm: string,
  { vms }: Site,
): Promise<number> {
  const [first, second] = classes;
  const classRef = vms.get(vm)?.spec['classRef'];
  const isFirst =
    typeof classRef === 'object' && classRef !== null && 'name' in classRef && classRef.name === first;
  const generation = vms.get(vm)?.metadata.generation ?? 0;
  return timed(
    () => vms.patch(vm, { classRef: { name: isFirst ? second : first } }),
    () =>
      vms.until(
        vm,
        has((object) => object.metadata.generation > generation && isReady(object)),
        timeout,
      ),
  );
}

async function snapshot(
  { includeMemory, timeout }: ScenarioOf<'snapshot'>,
  vm: string,
  { snapshots, nameFor, afterwards }: Site,
): Promise<number> {
  const name = nameFor('snapshot');
  const took = await timed(
    () => snapshots.create(name, { vmRef: { name: vm }, includeMemory }),
    () =>
      snapshots.until(
        name,
        has(({ status }) => status.readyToUse === true),
        timeout,
      ),
  );
  afterwards(async () => {
    await snapshots.remove(name);
    await snapshots.until(name, isGone, timeout);
  });
  return took;
}

async function clone(
  { linked, timeout }: ScenarioOf<'clone'>,
  vm: string,
  { vms, clones, nameFor, afterwards }: Site,
): Promise<number> {
  const name = nameFor('clone');
  const took = await timed(
    () => clones.create(name, { sourceVMRef: { name: vm }, linkedClone: linked }),
    () => clones.until(name, has(isReady), timeout),
  );
  afterwards(async () => {
    await clones.remove(name);
    await vms.remove(name);
    await vms.until(name, isGone, timeout);
  });
  return took;
}
