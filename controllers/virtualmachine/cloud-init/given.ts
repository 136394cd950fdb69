/** What a guest was given, as digests in status, against what the spec says now. Pure. */
import { sameKey, type Digest } from '../../../src/lib/hash.ts';
import type { Given } from '../model/cloud-init.ts';
import type { DesiredCloudInit, DesiredNic } from '../model/desired.ts';

type Part = keyof Given;

/** Each part under its name for people. */
const PARTS: Readonly<Record<Part, string>> = {
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

/** Only what reaches the guest: an edit of a bridge or a tag is none of its business. */
export function givenOf({ owner, cloudInit, nics }: DeliveryInput, digest: Digest): Given {
  const { userData, ignition, snippet, sshKeys, metaData, networkData } = cloudInit;
  const text = userData ?? ignition ?? snippet;
  const network = (nics ?? []).map(({ name, mac, staticIP, ipv6 }) => ({ name, mac, staticIP, ipv6 }));
  // The uid keeps two VMs with the same Secret from showing the same digest.
  const of = (part: Part, value: unknown): string => digest(JSON.stringify([owner.uid, part, value]));
  return {
    userData: of('userData', text ?? null),
    sshKeys: of('sshKeys', sshKeys),
    metaData: of('metaData', metaData ?? null),
    networkData: of('networkData', networkData ?? network),
  };
}

/** What differs, in words. Digests of another key tell nothing. */
export const changedParts = (before: Given | undefined, now: Given): readonly string[] =>
  before === undefined || !isComparable(before, now)
    ? []
    : (['userData', 'sshKeys', 'metaData', 'networkData'] as const)
        .filter((part) => before[part] !== now[part])
        .map((part) => PARTS[part]);

export const isComparable = (before: Given, now: Given): boolean => sameKey(before.userData, now.userData);
