/** Tasks that others, or an earlier process of ours, may have started on our guest. Reads only. */
import type { CallOptions, View } from '../../../src/pve/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { locate } from '../../shared/guests/locate.ts';
import type { ProcessState } from '../model/process-state.ts';
import type { Presence } from '../../shared/guests/model.ts';
import type { Claim } from '../model/observed.ts';

export interface InFlight {
  readonly presence: Presence;
  /** UPIDs of tasks that must end first. */
  readonly activeTasks: readonly string[];
}

export interface InFlightContext {
  readonly connection: Connection;
  readonly processState: ProcessState;
  /** The template that a clone of ours would be filed under; `undefined`: not known. */
  readonly template: Vmid | undefined;
  readonly options: CallOptions;
  readonly now: number;
}

/**
 * The list of tasks is read afresh only when there is doubt: after a restart, after an answer that was lost,
 * or when PVE holds a lock.
 */
export async function checkInFlightTasks(
  presence: Presence,
  claim: Claim | undefined,
  context: InFlightContext,
): Promise<InFlight> {
  const { connection, processState, options, now } = context;
  const locked = presence.kind === 'seen' && presence.guest.lock !== undefined ? presence.guest : undefined;
  if (!locked) delete processState.lockedSince;
  if (claim === undefined || (processState.quiescent && !locked)) return { presence, activeTasks: [] };
  const view = await connection.inventory.refresh(options.signal);
  const activeTasks = view.activeTasks
    .filter((task) => concerns(task, claim, context))
    .map(({ upid }) => upid);
  if (activeTasks.length > 0) return { presence, activeTasks };
  processState.quiescent = true;
  if (!locked) return { presence, activeTasks };
  // A lock that was held while its task ended is gone now.
  processState.lockedSince ??= now;
  return { presence: await locate(connection, claim.vmid, locked.node, options), activeTasks };
}

/** A console that is open is no work on the guest. */
const HARMLESS = new Set(['vncproxy', 'vncshell', 'spiceproxy', 'spiceshell', 'termproxy']);

function concerns(
  { id, type }: View['activeTasks'][number],
  { vmid, made }: Claim,
  { template }: Pick<InFlightContext, 'template'>,
): boolean {
  if (HARMLESS.has(type)) return false;
  if (id === String(vmid)) return true;
  // PVE files a clone under the number of its source; a guest that was seen is cloned no more.
  return type === 'qmclone' && !made && (template === undefined || id === String(template));
}
