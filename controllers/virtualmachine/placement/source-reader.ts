/** Reads the guest that a VM with `spec.cloneFrom` is a copy of. Never from memory: whose guest it is may have changed. */
import { PveError, type CallOptions, type Qemu, type View } from '../../../src/pve/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import { parseMark } from '../../shared/guests/owner-mark.ts';
import type { SourceSeen } from '../model/clone-source.ts';
import { templateFrom } from './templates.ts';

/** @param snapname - in Proxmox VE; absent: the present state is cloned */
export async function readSource(
  connection: Connection,
  { vmid, snapname }: { readonly vmid: Vmid; readonly snapname: string | undefined },
  options: CallOptions,
): Promise<SourceSeen> {
  const view = connection.inventory.view();
  const row = view?.guests.get(vmid);
  if (!view || !row) return 'gone';
  try {
    return await read(connection.pve.node(row.node).qemu(vmid), { snapname, view, options });
  } catch (error) {
    const absent = error instanceof PveError ? error.absent : undefined;
    if (absent === 'snapshot') return 'noSnapshot';
    if (absent === 'guest' || absent === 'node') return 'gone';
    throw error;
  }
}

interface Reading {
  readonly snapname: string | undefined;
  readonly view: View;
  readonly options: CallOptions;
}

async function read(qemu: Qemu, { snapname, view, options }: Reading): Promise<SourceSeen> {
  const { vmid, node } = qemu;
  const [{ values: config }, status, kept] = await Promise.all([
    qemu.config({ ...options, current: true }),
    qemu.status(options),
    snapname === undefined ? undefined : keptBy(qemu, snapname, options),
  ]);
  const cloned = kept?.config ?? config;
  const isTemplate = config['template'] === '1';
  const at = { vmid, node, isTemplate, running: status.status === 'running' };
  const template = await templateFrom(qemu, at, { values: cloned, view, options });
  return {
    mark: parseMark(config['description']),
    config,
    lock: config['lock'] ?? status.lock,
    cloned,
    template: kept ? { ...template, linkable: kept.canLink, snapshot: { canCopy: kept.canCopy } } : template,
  };
}

interface Kept {
  readonly config: GuestConfig;
  readonly canLink: boolean;
  readonly canCopy: boolean;
}

async function keptBy(qemu: Qemu, snapshot: string, options: CallOptions): Promise<Kept> {
  const [{ values: config }, canLink, canCopy] = await Promise.all([
    qemu.config({ ...options, snapshot }),
    qemu.snapshots.canClone(snapshot, 'clone', options),
    qemu.snapshots.canClone(snapshot, 'copy', options),
  ]);
  return { config, canLink, canCopy };
}
