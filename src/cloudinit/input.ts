/** The data for a guest, with all references resolved. Types only. */
import type { Documents } from './documents.ts';

export interface CloudInitInput {
  /** cloud-init runs its per-instance modules again when it changes. */
  readonly instanceId: string;
  /** The first label of the VM's name. */
  readonly hostname: string;
  /** With its domain. Absent: there is none. */
  readonly fqdn?: string | undefined;
  /** The user's text, unchanged. */
  readonly userData: string | undefined;
  /**
   * Absent: the format follows from how the text begins. Raw: delivered as it is. Base64: decoded, and delivered.
   * Binary: Base64 of bytes that are no text; decoded, and delivered if the format is known.
   */
  readonly userDataFormat?: 'Raw' | 'Base64' | 'Binary' | undefined;
  /** A file in PVE that PVE uses as user-data, whatever else the drive says. */
  readonly snippet?: string | undefined;
  /** Replaces user-data. Nothing can be added to it. */
  readonly ignition?: string | undefined;
  /** The user's meta-data, as YAML. */
  readonly metaData?: string | undefined;
  /** The user's network-config; replaces the one derived from the NICs. */
  readonly networkData?: string | undefined;
  /** What the texts in YAML say. Short ones may be absent. */
  readonly documents?: Documents | undefined;
  /** Public keys, one per entry. */
  readonly sshKeys: readonly string[];
  readonly nics: readonly CloudInitNic[];
  /** For the whole guest, after what the NICs say. Absent: nothing. */
  readonly resolver?: Resolver | undefined;
  /** PVE's drive upgrades the packages at the first boot, and cannot be told not to. */
  readonly alwaysUpgrades?: boolean | undefined;
  /** What the guest has from its template, unless the user's text says otherwise. */
  readonly inherited?: InheritedLogin | undefined;
}

export interface InheritedLogin {
  readonly user?: string | undefined;
  readonly sshKeys: readonly string[];
}

export interface CloudInitNic {
  /** `net0`, `net1` … Numbers may be missing after a NIC was removed. */
  readonly device: string;
  /** `undefined` until the guest exists. */
  readonly mac: string | undefined;
  readonly dhcp4: boolean;
  /** `auto`: SLAAC; `dhcp`: DHCPv6. */
  readonly ipv6?: 'auto' | 'dhcp' | undefined;
  /** IPv4 and IPv6 addresses with prefix length. */
  readonly addresses: readonly string[];
  readonly gateway4?: string | undefined;
  readonly gateway6?: string | undefined;
  /** DNS servers and search domains of all NICs together are those of the guest: PVE has one list of each. */
  readonly dns: readonly string[];
  readonly search?: readonly string[] | undefined;
}

/** How a guest resolves names. */
export interface Resolver {
  readonly dns: readonly string[];
  readonly search: readonly string[];
}
