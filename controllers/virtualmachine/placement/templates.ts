/** Reads the disks of templates, the devices of their nodes that they use, and which system they hold. */
import {
  parseNic,
  PveError,
  type CallOptions,
  type GuestView,
  type Pve,
  type Qemu,
  type View,
} from '../../../src/pve/index.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { cdStoragesOf, disksOf, volumesOf } from '../../shared/guests/disks.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import { parseImageMark } from '../../shared/guests/image-mark.ts';
import { parseMark } from '../../shared/guests/owner-mark.ts';
import { nodeDevicesOf } from '../../shared/placement/devices.ts';
import type { Template } from '../../shared/placement/clone-routes.ts';

/** A template's disks hardly ever change; fifty VMs that are created at once should not ask fifty times. */
const REMEMBER_MS = 30_000;

/** `undefined`: the list of guests no longer has it. */
export type ReadTemplate = (
  connection: Connection,
  vmid: Vmid,
  options: CallOptions,
) => Promise<Template | undefined>;

export function createTemplateReader(now: () => number): ReadTemplate {
  /** A Connection is created again in each pass of its Provider; the handles stay. */
  const known = new WeakMap<Pve, Map<Vmid, { readonly template: Template; readonly at: number }>>();
  return async (connection, vmid, options) => {
    const view = connection.inventory.view();
    const row = view?.guests.get(vmid);
    if (!view || !row) return undefined;
    const cache = known.get(connection.pve) ?? new Map<Vmid, { template: Template; at: number }>();
    known.set(connection.pve, cache);
    const cached = cache.get(vmid);
    if (cached && now() - cached.at < REMEMBER_MS && cached.template.node === row.node)
      return cached.template;
    const template = await read(connection.pve, row, view, options);
    // Any other guest may get an owner at any time.
    if (template.isTemplate) cache.set(vmid, { template, at: now() });
    else cache.delete(vmid);
    return template;
  };
}

async function read(pve: Pve, row: GuestView, view: View, options: CallOptions): Promise<Template> {
  const qemu = pve.node(row.node).qemu(row.vmid);
  const { values } = await qemu.config(options);
  const at = { ...row, isTemplate: values['template'] === '1', running: row.status === 'running' };
  return templateFrom(qemu, at, { values, view, options });
}

/** @param at - the guest that has the configuration, or a snapshot with it */
export async function templateFrom(
  qemu: Qemu,
  { vmid, node, isTemplate, running }: Pick<Template, 'vmid' | 'node' | 'isTemplate' | 'running'>,
  {
    values,
    view,
    options,
  }: { readonly values: GuestConfig; readonly view: View; readonly options: CallOptions },
): Promise<Template> {
  const { local, mapped } = nodeDevicesOf(values);
  const typeOf = (storage: string): string | undefined =>
    view.storages.find((s) => s.storage === storage)?.type;
  const mark = parseMark(values['description']);
  const image = parseImageMark(values['description']);
  const bridges = Object.keys(values)
    .filter((key) => /^net\d+$/.test(key))
    .flatMap((key) => parseNic(values[key] ?? '').bridge ?? []);
  return {
    vmid,
    node,
    ...(mark && { mark }),
    ...(image && { image }),
    ...(bridges.length > 0 && { bridges }),
    isTemplate,
    running,
    disks: disksOf(values),
    cdStorages: cdStoragesOf(values),
    system: omitUndefined({ citype: values['citype'], ostype: values['ostype'] }),
    linkable: volumesOf(values).every(({ storage, volume }) => canLink(typeOf(storage), volume)),
    ...(local.length > 0 && { localDevices: local }),
    ...(mapped.length > 0 && { unmapped: await unmappedOn(qemu, options) }),
  };
}

/** PVE says it of each other node than the template's own, where it can be seen only by a start. */
async function unmappedOn(qemu: Qemu, options: CallOptions): Promise<ReadonlyMap<string, readonly string[]>> {
  try {
    const { notAllowed } = await qemu.migrationPreconditions(undefined, options);
    return new Map(Object.entries(notAllowed).map(([node, { resources }]) => [node, resources]));
  } catch (error) {
    // The decision is left to PVE.
    if (error instanceof PveError) return new Map();
    throw error;
  }
}

/** PVE links clones where the storage has snapshots of its own, or the file format has (pve-storage, volume_has_feature). */
const canLink = (type: string | undefined, volume: string): boolean =>
  type !== 'lvm' && type !== 'iscsi' && type !== 'iscsidirect' && !/\.(raw|vmdk)$/.test(volume);
