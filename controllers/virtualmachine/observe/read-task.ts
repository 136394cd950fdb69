/** The task that status names: what became of it. Reads only. */
import { parseUpid, type CallOptions, type View } from '../../../src/pve/index.ts';
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { NodeName, Vmid } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import type { Task } from '../model/tasks.ts';
import { labelOf } from '../../shared/tasks/labels.ts';
import { TASKS } from '../plan/step-info.ts';
import type { ProcessState } from '../model/process-state.ts';
import { readProgress } from './progress.ts';
import type { TaskWatch } from '../../shared/tasks/watch.ts';

export async function readTask(
  vm: VirtualMachine,
  connection: Connection,
  {
    options,
    now,
    tasks,
    processState,
  }: {
    readonly options: CallOptions;
    readonly now: number;
    readonly tasks: TaskWatch;
    readonly processState: ProcessState;
  },
): Promise<Task | undefined> {
  const { pve, inventory, tasks: timing } = connection;
  const { task, vmid } = vm.status ?? {};
  const parsed = task && parseUpid(task.upid);
  if (!task || !parsed) return undefined;
  const { upid } = task;
  const type = labelOf(TASKS, task.type);
  const reach = reachOf(inventory.view(), parsed.node, vmid);
  if (reach === 'offline') return { upid, type, state: 'unreachable', node: parsed.node };
  if (reach === 'gone') return { upid, type, state: 'lost' };
  const state = await pve.node(parsed.node).task(upid).status(options);
  if (state.state !== 'running') tasks.forget({ connection, upid });
  switch (state.state) {
    case 'running': {
      const followed = tasks.follow({ connection, upid, uid: vm.metadata.uid });
      const ageMs = now - Date.parse(task.startedAt);
      const at = { pve, node: parsed.node, processState, now };
      const progress = await readProgress({ upid, type, ageMs }, at, options);
      return { upid, type, state: 'running', ageMs, followed, timing, progress };
    }
    case 'failed':
      return { upid, type, state: 'failed', exit: state.exitStatus };
    case 'ok':
    case 'lost':
      return { upid, type, state: state.state };
    default:
      return state satisfies never;
  }
}

/** A task ends with its node. Where the guest goes on elsewhere, or the node left the cluster, nobody will tell how. */
function reachOf(
  view: View | undefined,
  node: NodeName,
  vmid: Vmid | undefined,
): 'online' | 'offline' | 'gone' {
  const at = view?.nodes.find(({ name }) => name === node);
  if (!view || at?.online) return 'online';
  if (!at) return 'gone';
  const row = vmid === undefined ? undefined : view.guests.get(vmid);
  return row && row.node !== node ? 'gone' : 'offline';
}
