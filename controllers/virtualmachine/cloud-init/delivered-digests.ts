/** Compares the data delivered to a guest, as digests in status, with the data of the spec. Pure. */
import { sameKey, type Digest } from '../../../src/lib/hash.ts';
import type { DeliveredDigests } from '../model/cloud-init.ts';
import type { DesiredCloudInit, DesiredNic } from '../model/desired.ts';

type Part = keyof DeliveredDigests;

/** Names of the parts for messages. */
const PART_NAMES: Readonly<Record<Part, string>> = {
  userData: 'user-data',
  sshKeys: 'SSH keys',
  metaData: 'meta-data',
  networkData: 'network data',
};

interface DeliveryInput {
  readonly owner: { readonly uid: string };
  readonly cloudInit: DesiredCloudInit;
  readonly nics?: readonly DesiredNic[] | undefined;
}

/** Covers only data that the guest reads: a change of a bridge or VLAN does not count. */
export function digestsOf({ owner, cloudInit, nics }: DeliveryInput, digest: Digest): DeliveredDigests {
  const { userData, userDataFormat, ignition, snippet, sshKeys, metaData, networkData } = cloudInit;
  const text = userData ?? ignition ?? snippet;
  const network = (nics ?? []).map(({ name, mac, staticIP, ipv6 }) => ({ name, mac, staticIP, ipv6 }));
  // The uid keeps two VMs with the same Secret from showing the same digest.
  const of = (part: Part, value: unknown): string => digest(JSON.stringify([owner.uid, part, value]));
  return {
    userData: of('userData', userDataFormat === undefined ? (text ?? null) : [userDataFormat, text]),
    sshKeys: of('sshKeys', sshKeys),
    metaData: of('metaData', metaData ?? null),
    networkData: of('networkData', networkData ?? network),
  };
}

/** The names of the parts that differ. Digests made with another key cannot be compared. */
export const changedParts = (
  before: DeliveredDigests | undefined,
  now: DeliveredDigests,
): readonly string[] =>
  before === undefined || !isComparable(before, now)
    ? []
    : (['userData', 'sshKeys', 'metaData', 'networkData'] as const)
        .filter((part) => before[part] !== now[part])
        .map((part) => PART_NAMES[part]);

export const isComparable = (before: DeliveredDigests, now: DeliveredDigests): boolean =>
  sameKey(before.userData, now.userData);
