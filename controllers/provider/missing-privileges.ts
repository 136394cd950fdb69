/** What the credentials may not do, what therefore does not work, and the commands that fix it. Pure. */
import {
  FEATURES,
  grantMissingCommands,
  missingPrivileges,
  neededPrivileges,
  printNeed,
  type Credentials,
  type Grantee,
  type Need,
  type Permissions,
} from '../../src/pve/index.ts';

export interface MissingPrivileges {
  /** Without these no VM can be managed. */
  readonly required: readonly Need[];
  /** Without these some features do not work. */
  readonly optional: readonly Need[];
  /** For a shell on a node, to be run in this order; empty where nothing is missing. */
  readonly commands: readonly string[];
}

/** What does not work without the privileges of a feature. */
const CONSEQUENCES: Readonly<Record<(typeof REPORTED)[number], string>> = {
  isoUpload: 'user-data is not delivered as an image',
  cloudInit: 'cloud-init settings are not applied',
  guestAgent: 'addresses are not read from the guest agent',
  bridges: 'Proxmox VE refuses VMs and templates that have network interfaces',
  quorum: 'quorum cannot be read, so that a VM that vanished is not recognised as gone',
  migration: 'VMs are not moved to another node',
  pools: 'VMs are not put into a pool',
  snapshots: 'snapshots are neither taken nor deleted, and no VM is reverted to one',
  devices: 'VMs run without devices of resource mappings',
  downloads: 'Proxmox VE downloads no images',
  haRules: 'HA rules of VMPlacementPolicies are not kept',
};

/** More resource mappings would not fit into a condition, with the commands that grant them. */
const MAX_MAPPINGS = 8;

const REPORTED = [...FEATURES, 'downloads', 'haRules', 'devices'] as const;

export function granteeOf(credentials: Credentials): Grantee {
  if (credentials.kind === 'password') return { user: credentials.username };
  // A user may have a ! in the name, a token not.
  const at = credentials.id.lastIndexOf('!');
  return { user: credentials.id.slice(0, at), token: credentials.id.slice(at + 1) };
}

/** As Proxmox VE names it: `user@realm`, or `user@realm!token`. */
export const loginOf = (credentials: Credentials): string =>
  (credentials.kind === 'token' ? credentials.id : credentials.username).trim();

/**
 * @param major version of Proxmox VE: privileges differ between versions
 * @param inUse what VMs need for their resource mappings, VMImages for downloads, and the Provider for HA rules
 */
export function missingPrivilegesOf(
  held: Permissions,
  major: number,
  { to, inUse = [] }: { readonly to: Grantee; readonly inUse?: readonly Need[] },
): MissingPrivileges {
  const missingInUse = missingPrivileges(major >= 8 ? inUse : [], held);
  const missing = [
    ...missingPrivileges(neededPrivileges({ major, features: FEATURES }), held),
    ...missingInUse.filter(({ feature }) => feature !== 'devices'),
    ...missingInUse.filter(({ feature }) => feature === 'devices').slice(0, MAX_MAPPINGS),
  ];
  return {
    required: missing.filter(({ feature }) => feature === undefined),
    optional: missing.filter(({ feature }) => feature !== undefined),
    commands: missing.length === 0 ? [] : grantMissingCommands(missing, held, to),
  };
}

/** As reported in status: `VM.Config.CPU on /vms`. */
export const namesOf = (needs: readonly Need[]): readonly string[] => [...new Set(needs.map(printNeed))];

/** A sentence on each feature that does not work, with what it lacks. */
export const consequencesOf = ({ optional }: Pick<MissingPrivileges, 'optional'>): readonly string[] =>
  REPORTED.flatMap((feature) => {
    const names = namesOf(optional.filter((need) => need.feature === feature));
    return names.length === 0 ? [] : [`${CONSEQUENCES[feature]} (${names.join(', ')})`];
  });
