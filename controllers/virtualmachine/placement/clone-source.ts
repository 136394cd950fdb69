/**
 * Whether the guest that `spec.cloneFrom` means can be cloned now. It is cloned only if it was proven in this pass to be
 * the guest of the VirtualMachine that the spec names. Pure.
 */
import type { Reason } from '../../../src/api/index.ts';
import { parseDisk, type View } from '../../../src/pve/index.ts';
import { isDrive } from '../../shared/guests/disks.ts';
import { isGuestOf } from '../../shared/guests/identity.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import { parseIdentity, printIdentity } from '../../shared/guests/snapshot-identity.ts';
import { askFor, selects, type Grant } from '../../shared/grants/grants.ts';
import type { CopiedDisk, Copy } from '../../shared/placement/model.ts';
import type { Template } from '../../shared/placement/clone-routes.ts';
import type { CloneProblem, CloneSource, SourceGuest, SourceSeen } from '../model/clone-source.ts';

/** The source as a template for the placement. */
export interface Cloneable {
  readonly ok: true;
  readonly template: Template;
  readonly copy: Copy;
  /** The configuration that is copied. */
  readonly cloned: GuestConfig;
}

const problem = (reason: Reason, message: string): CloneProblem => ({ ok: false, reason, message });

/** What the list of guests says against it, before the guest is read. */
export function unreachableSource(
  { of, vmid }: CloneSource,
  { guests, nodes }: View,
  grant: Grant,
): CloneProblem | undefined {
  const row = guests.get(vmid);
  if (row?.type !== 'qemu') return notListed(of, vmid);
  if (nodes.some(({ name, online }) => name === row.node && !online))
    return problem(
      'SourceNotReady',
      `VM ${vmid}, that of ${of}, is on node ${row.node}, which is offline. It is cloned once the node is online.`,
    );
  return row.template || selects(grant.sources, row)
    ? undefined
    : problem(
        'NotGranted',
        `VM ${vmid}, that of ${of}, is not a template, and VMs of namespace ${grant.namespace} may not be cloned from it. ${capitalized(askFor('sources', grant))}.`,
      );
}

const capitalized = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

const notListed = (of: string, vmid: number): CloneProblem =>
  problem(
    'SourceNotReady',
    `Proxmox VE does not list VM ${vmid}, that of ${of}. It is cloned once it is listed; the condition Ready of the source says more.`,
  );

/** @param seen - as it was read in this pass */
export function judgeSource(source: CloneSource, seen: SourceSeen): Cloneable | CloneProblem {
  if (seen === 'gone') return notListed(source.of, source.vmid);
  if (seen === 'noSnapshot') return snapshotMissing(source);
  return (
    unproven(source, seen) ??
    busy(source, seen) ??
    notPossible(source, seen) ?? {
      ok: true,
      template: { ...seen.template, ...(!source.linked && { full: 'spec.cloneFrom.linked is false' }) },
      copy: copyOf(source, seen),
      cloned: seen.cloned,
    }
  );
}

/** Names, numbers and what status says prove nothing. */
function unproven(
  { of, vmid, owner, uuid, snapshot }: CloneSource,
  seen: SourceGuest,
): CloneProblem | undefined {
  if (!isGuestOf(seen, owner, uuid))
    return problem(
      'SourceNotAllowed',
      `VM ${vmid} does not have the owner mark and the SMBIOS UUID of ${of}, so it is not cloned. The condition Ready of ${of} says what it is; reconciliation resumes by itself.`,
    );
  const identity = parseIdentity(seen.cloned['description'] ?? '');
  return snapshot === undefined || (identity && printIdentity(identity) === snapshot.line)
    ? undefined
    : snapshotMissing({ of, vmid, snapshot });
}

const snapshotMissing = ({ vmid, snapshot }: Pick<CloneSource, 'of' | 'vmid' | 'snapshot'>): CloneProblem =>
  problem(
    'SnapshotMissing',
    `VM ${vmid} has no snapshot "${snapshot?.name ?? ''}" that is ${snapshot?.of ?? ''}. Delete this object, and create it with another snapshot.`,
  );

const busy = ({ of, vmid }: CloneSource, { lock }: SourceGuest): CloneProblem | undefined =>
  lock === undefined
    ? undefined
    : problem(
        'SourceBusy',
        `Proxmox VE holds the lock "${lock}" on VM ${vmid}, that of ${of}. It is cloned once the lock is released.`,
      );

function notPossible(
  { of, vmid, snapshot }: CloneSource,
  { template, cloned }: SourceGuest,
): CloneProblem | undefined {
  if (snapshot && !template.linkable && template.snapshot?.canCopy === false)
    return problem(
      'CloneNotPossible',
      `Proxmox VE makes neither full nor linked clones of a snapshot on the storages of VM ${vmid} (${storagesOf(template)}), so ${snapshot.of} is not cloned. Clone ${of} itself: delete this object, and create it with spec.cloneFrom.vmRef.`,
    );
  return template.running && !snapshot && cloned['tpmstate0'] !== undefined
    ? problem(
        'CloneNotPossible',
        `VM ${vmid}, that of ${of}, runs and has a TPM, whose state Proxmox VE copies only of a VM that is off. Set powerState of ${of} to OffGraceful until the clone is made, or clone a VMSnapshot of it.`,
      )
    : undefined;
}

const storagesOf = ({ disks }: Template): string =>
  [...new Set(disks.map(({ storage }) => storage))].join(', ');

const copyOf = ({ of, snapshot, disks }: CloneSource, { template, cloned }: SourceGuest): Copy => ({
  of: snapshot ? snapshot.of : of,
  running: template.running,
  ...(snapshot && { snapname: snapshot.name }),
  ...(cloned['hookscript'] !== undefined && { hookscript: cloned['hookscript'] }),
  disks: disks.flatMap(({ name, volume }) => deviceWith(cloned, name, volume)),
});

/** Where the copy of a disk is: PVE keeps the devices of what it clones. */
function deviceWith(config: GuestConfig, name: string, volume: string): CopiedDisk[] {
  const device = Object.keys(config).find(
    (key) => isDrive(key) && parseDisk(config[key] ?? '').volume === volume,
  );
  return device === undefined ? [] : [{ name, device }];
}
