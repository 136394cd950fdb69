/** Whether an existing guest is to be moved to the node of spec.placement.host, and the obstacles. Pure. */
import type { MigrationPreconditions, View } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import { spaceKey, type Promised, type Reservation } from '../../shared/cluster/ledger.ts';
import { cdStoragesOf, disksOf } from '../../shared/guests/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Power } from '../model/desired.ts';
import { haObstacle } from '../../shared/placement/ha-mode.ts';
import { printFree, printNeeded, roomIn } from '../../shared/placement/room.ts';
import { notRunningOf } from '../../shared/guests/states.ts';

export interface HostRequest {
  readonly host: NodeName | undefined;
  readonly power: Power;
  readonly driftPolicy: 'Report' | 'Revert';
  /** From status: the node of `host` after the guest has arrived there. */
  readonly arrived: NodeName | undefined;
}

/** `stays`: nothing to do. `strayed`: the guest was moved in Proxmox VE, and stays there. `later`: the guest is being stopped and is moved afterwards. */
export type HostPlacement = 'stays' | 'strayed' | 'later' | 'elsewhere';

export function hostPlacement(
  { host, power, driftPolicy, arrived }: HostRequest,
  guest: Guest,
): HostPlacement {
  if (host === undefined || host === guest.node) return 'stays';
  if (host === arrived && driftPolicy === 'Report') return 'strayed';
  return guest.running && power !== 'On' ? 'later' : 'elsewhere';
}

type Node = View['nodes'][number];

interface RelocationContext {
  readonly view: View;
  /** Nodes that VMs of this Provider may be on; empty: all. */
  readonly nodeSelector: readonly string[];
  /** Resources promised to other VMs. */
  readonly promised: Promised;
}

/** Obstacles that the view shows, as clauses. */
export function obstaclesInView(host: NodeName, guest: Guest, context: RelocationContext): string[] {
  const node = context.view.nodes.find(({ name }) => name === host);
  if (!node) return [`the cluster has no node ${host}`];
  if (!node.online) return [`node ${host} is offline`];
  const ha = haObstacle(node);
  return [
    ...(ha === undefined ? [] : [`node ${host} is ${ha}`]),
    ...(context.nodeSelector.length > 0 && !context.nodeSelector.includes(host)
      ? [`node ${host} is not in the node selector of the Provider`]
      : []),
    ...guestObstacles(guest),
    ...memoryObstacles(guest, node, context),
    ...storageObstacles(guest, node, context),
  ];
}

export function guestObstacles(guest: Guest): string[] {
  const notRunning = notRunningOf(guest);
  return [
    ...(notRunning ? [notRunning.message.replace(/\.$/, '')] : []),
    ...(guest.ha.state === 'error' ? ['the VM is in HA state error'] : []),
  ];
}

/** A stopped guest requires no memory. */
function memoryObstacles(
  { running, config, vmid }: Guest,
  node: Node,
  { view, promised }: RelocationContext,
): string[] {
  const needed = running ? (view.guests.get(vmid)?.maxmem ?? Number(config['memory'] ?? 0) * MIB) : 0;
  const free = roomIn(view, promised).memoryOf(node);
  return free < needed
    ? [`node ${node.name} has ${printFree(free)} of memory free, ${printNeeded(needed)} are needed`]
    : [];
}

const MIB = 1024 * 1024;

function storageObstacles(
  { config, node: from }: Guest,
  { name }: Node,
  { view, promised }: RelocationContext,
): string[] {
  const room = roomIn(view, promised);
  const sizes = new Map<string, number>();
  for (const { storage, size = 0 } of disksOf(config)) sizes.set(storage, (sizes.get(storage) ?? 0) + size);
  for (const storage of cdStoragesOf(config)) sizes.set(storage, sizes.get(storage) ?? 0);
  return [...sizes].flatMap(([storage, bytes]) => {
    const rows = view.storages.filter((each) => each.storage === storage);
    const at = rows.find(({ node }) => node === name);
    if (!at) return [`storage ${storage} is not on node ${name}`];
    if (at.status !== 'available') return [`storage ${storage} is not available on node ${name}`];
    const copied = at.shared || !rows.some(({ node }) => node === from) ? 0 : bytes;
    const free = room.spaceOf(at);
    return free < copied
      ? [`storage ${storage} on node ${name} has ${printFree(free)} free, ${printNeeded(copied)} are needed`]
      : [];
  });
}

/** Obstacles that PVE reports. */
export function obstaclesToMove(
  host: NodeName,
  { localDisks, localResources, mappedResources, notAllowed }: MigrationPreconditions,
  { running }: Pick<Guest, 'running'>,
): string[] {
  const unmapped = localResources.filter((key) => !mappedResources.includes(key));
  const { storages = [], resources = [], ha = [] } = notAllowed[host] ?? {};
  const images = localDisks
    .filter(({ volid, cdrom }) => cdrom && !isCloudInit(volid))
    .map(({ volid }) => volid);
  return [
    ...(images.length > 0
      ? [
          `${images.join(', ')} in its CD drive is on local storage (eject it: remove its entry from spec.cdroms, or empty the drive in Proxmox VE)`,
        ]
      : []),
    ...(unmapped.length > 0 ? [`it uses devices of its node: ${unmapped.join(', ')}`] : []),
    ...(running && mappedResources.length > 0
      ? [
          `Proxmox VE moves no VM with ${mappedResources.join(', ')} while it runs (set spec.powerState to Off until it has moved)`,
        ]
      : []),
    ...(storages.length > 0 ? [`storage ${storages.join(', ')} is not available on node ${host}`] : []),
    ...(resources.length > 0 ? [`${resources.join(', ')} is not mapped on node ${host}`] : []),
    ...ha.map(({ sid, cause }) => `HA does not allow it on node ${host}${because(sid, cause)}`),
  ];
}

const because = (sid: string, cause: string | undefined): string =>
  cause === 'node-affinity' ? ' by a node affinity rule' : ` because of ${sid}`;

/** PVE creates its cloud-init drive again on the other node. */
const isCloudInit = (volid: string): boolean => /\bvm-\d+-cloudinit\b/.test(volid);

/** Whether the move copies disks. */
export const hasLocalDisks = ({ localDisks }: MigrationPreconditions): boolean =>
  localDisks.some(({ volid, cdrom }) => !cdrom || isCloudInit(volid));

/** The reservation on the target node until PVE's figures include the guest. */
export function reservationFor(
  { config, vmid, node: from }: Guest,
  to: NodeName,
  { view, memory }: { readonly view: View; readonly memory: number },
): Reservation {
  const space = new Map<string, number>();
  for (const { storage, size = 0 } of disksOf(config)) {
    const at = view.storages.find((each) => each.node === to && each.storage === storage);
    if (at && !at.shared && to !== from) space.set(spaceKey(at), (space.get(spaceKey(at)) ?? 0) + size);
  }
  return { vmid, node: to, memory, space };
}

export const movedAwayMessage = (host: NodeName, { node }: Guest): string =>
  `The VM was moved to node ${node} in Proxmox VE, but spec.placement.host says ${host}. The operator does not move it back. Move it in Proxmox VE, or set spec.driftPolicy to Revert.`;

/** HA does not report the target node. */
export const isMovedByHa = ({ ha: { state } }: Guest): boolean => state === 'migrate' || state === 'relocate';

export const movedByHaMessage = (host: NodeName, { node }: Guest): string =>
  `The VM is on node ${node}, but spec.placement.host says ${host}. HA is moving it.`;

export const obstacleMessage = (host: NodeName, { node }: Guest, obstacles: readonly string[]): string =>
  `The VM is on node ${node}, but spec.placement.host says ${host}. It cannot be moved: ${obstacles.join('; ')}.`;
