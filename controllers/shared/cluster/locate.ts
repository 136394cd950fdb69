/** Finds the guest with a VMID on any node, or proves that it does not exist. Reads only. */
import { PveError, type CallOptions, type View } from '../../../src/pve/index.ts';
import type { NodeName, Vmid } from '../../../src/lib/units.ts';
import type { Connection } from './connections.ts';
import { isSameCluster } from './identity.ts';
import { parseMark } from '../guests/owner-mark.ts';
import type { Guest, Presence } from '../guests/model.ts';

/**
 * @param hint - the node on which the guest was last seen or is being created. It is read first, because the inventory
 * is a few seconds old and shows a clone to another node on the template's node
 */
export async function locate(
  connection: Connection,
  vmid: Vmid,
  hint: NodeName | undefined,
  options: CallOptions,
): Promise<Presence> {
  const { inventory } = connection;
  const seen = inventory.view()?.guests.get(vmid);
  // A call to an offline node takes seconds; the inventory reports when the node is back.
  if (seen && isOffline(inventory.view(), seen.node))
    return {
      kind: 'unknown',
      reason: 'NodeOffline',
      message: `VM ${vmid} is on node ${seen.node}, which is offline. Reconciliation resumes once the node is online.`,
    };
  for (const node of new Set([hint, seen?.node])) {
    if (node === undefined || isOffline(inventory.view(), node)) continue;
    const guest = await readGuest(connection, vmid, node, options);
    if (guest) return { kind: 'seen', guest };
  }
  return search(connection, vmid, options);
}

const isOffline = (view: View | undefined, node: NodeName): boolean =>
  view?.nodes.some(({ name, online }) => name === node && !online) ?? false;

/** Searches the whole cluster with a new read. */
async function search(connection: Connection, vmid: Vmid, options: CallOptions): Promise<Presence> {
  const view = await connection.inventory.refresh(options.signal);
  const row = view.guests.get(vmid);
  if (!row) return absence(connection, vmid, view, options);
  if (row.type === 'lxc') return { kind: 'seen', guest: container(vmid, row.node) };
  const guest = isOffline(view, row.node) ? undefined : await readGuest(connection, vmid, row.node, options);
  return guest
    ? { kind: 'seen', guest }
    : {
        kind: 'unknown',
        message: `VM ${vmid} is listed on node ${row.node}, but cannot be read there. The operator retries.`,
      };
}

/** A guest is absent if a new read of a cluster with quorum does not contain it and PVE reports its VMID as free. */
async function absence(
  { pve, identity }: Connection,
  vmid: Vmid,
  view: View,
  options: CallOptions,
): Promise<Presence> {
  if (view.quorate !== 'yes')
    return {
      kind: 'unknown',
      message: `VM ${vmid} was not found, but the Proxmox VE cluster ${view.quorate === 'no' ? 'has no quorum' : 'does not report whether it has quorum'}. This does not prove that the VM was deleted.`,
    };
  const now = { name: view.clusterName, nodes: view.nodes.map(({ name }) => name), address: view.address };
  if (!isSameCluster(identity, now))
    return {
      kind: 'unknown',
      message: `VM ${vmid} was not found, but the endpoint belongs to another Proxmox VE cluster than the VM. This does not prove that the VM was deleted.`,
    };
  // nextid includes guests that the credentials may not see.
  const { free } = await pve.cluster.nextid(vmid, options);
  return free
    ? { kind: 'absent' }
    : {
        kind: 'unknown',
        message: `VM ${vmid} exists, but the credentials may not read it. Grant VM.Audit on /vms/${vmid}.`,
      };
}

async function readGuest(
  { pve }: Connection,
  vmid: Vmid,
  node: NodeName,
  options: CallOptions,
): Promise<Guest | undefined> {
  const qemu = pve.node(node).qemu(vmid);
  try {
    const [config, status] = await Promise.all([qemu.pending(options), qemu.status(options)]);
    const running = status.status === 'running';
    const { values, digest } = config;
    const pending = running ? config.options : []; // a guest that is off has what it starts with
    return {
      vmid,
      node,
      mark: parseMark(values['description']),
      lock: values['lock'] ?? status.lock,
      template: values['template'] === '1',
      running,
      state: status.qmpstatus ?? status.status,
      ha: status.ha,
      ...(status.uptime !== undefined && { uptimeMs: status.uptime * 1000 }),
      config: values,
      digest,
      pending: pending.flatMap(({ key, value, pending: next, delete: deleted }) =>
        next === undefined && !deleted
          ? []
          : [
              {
                key,
                ...(value !== undefined && { current: value }),
                ...(next !== undefined && { pending: next }),
              },
            ],
      ),
    };
  } catch (error) {
    if (error instanceof PveError && (error.absent === 'guest' || error.absent === 'node')) return undefined;
    throw error;
  }
}

/** A container with the VMID is foreign: containers have no owner mark. */
const container = (vmid: Vmid, node: NodeName): Guest => ({
  vmid,
  node,
  mark: undefined,
  lock: undefined,
  template: false,
  container: true,
  running: false,
  state: 'stopped',
  ha: { managed: false, state: undefined },
  config: {},
  digest: '',
  pending: [],
});
