/** What the guest is to learn at its first boot: plain data, every reference followed. Types only. */

export interface CloudInitInput {
  /** Stable for the life of the object: cloud-init runs its first-boot modules again where this changes. */
  readonly instanceId: string;
  /** The VM's short name: the first label of its name. */
  readonly hostname: string;
  /** The user's text, byte for byte. */
  readonly userData: string | undefined;
  /** Takes the place of user-data, and is nothing that anything could be added to. */
  readonly ignition?: string | undefined;
  /** The user's own, as YAML. */
  readonly metaData?: string | undefined;
  /** The user's own, instead of what follows from the NICs. */
  readonly networkData?: string | undefined;
  /** Public keys, one an entry, from the Secret. */
  readonly sshKeys: readonly string[];
  readonly nics: readonly CloudInitNic[];
}

export interface CloudInitNic {
  /** `net0`, `net1` …: there may be gaps where a NIC was removed. */
  readonly device: string;
  /** Known only once the guest exists. */
  readonly mac: string | undefined;
  readonly dhcp4: boolean;
  /** How the guest comes by an IPv6 address of its own: from the router's announcements, or by DHCPv6. */
  readonly ipv6?: 'auto' | 'dhcp' | undefined;
  /** IPv4 or IPv6, each with its prefix length. */
  readonly addresses: readonly string[];
  readonly gateway4?: string | undefined;
  readonly gateway6?: string | undefined;
  readonly dns: readonly string[];
}
