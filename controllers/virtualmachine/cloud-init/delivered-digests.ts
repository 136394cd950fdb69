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
export function digestsOf(input: DeliveryInput, digest: Digest): DeliveredDigests {
  const { owner, nics } = input;
  const network = (nics ?? []).map(({ name, mac, staticIP, ipv6 }) => ({ name, mac, staticIP, ipv6 }));
  const { resolver } = input.cloudInit;
  const { networkData, ...texts } = digestsOfTexts(input, digest);
  const own = resolver ? { network, dns: resolver.dns, search: resolver.search } : network;
  return { ...texts, networkData: networkData ?? digestOf('networkData', own, { owner, digest }) };
}

type OfTexts = Omit<DeliveredDigests, 'networkData'> & Partial<Pick<DeliveredDigests, 'networkData'>>;

/** A pass compares the same data several times, and the texts may be long. */
const ofTexts = new WeakMap<
  DesiredCloudInit,
  { readonly uid: string; readonly digest: Digest; readonly digests: OfTexts }
>();

function digestsOfTexts({ owner, cloudInit }: DeliveryInput, digest: Digest): OfTexts {
  const known = ofTexts.get(cloudInit);
  if (known?.uid === owner.uid && known.digest === digest) return known.digests;
  const { userData, userDataFormat, ignition, snippet, sshKeys, metaData, networkData } = cloudInit;
  const text = userData ?? ignition ?? snippet;
  const of = (part: Part, value: unknown): string => digestOf(part, value, { owner, digest });
  const digests = {
    userData: of('userData', userDataFormat === undefined ? (text ?? null) : [userDataFormat, text]),
    sshKeys: of('sshKeys', sshKeys),
    metaData: of('metaData', metaData ?? null),
    ...(networkData !== undefined && { networkData: of('networkData', networkData) }),
  };
  ofTexts.set(cloudInit, { uid: owner.uid, digest, digests });
  return digests;
}

/** The uid keeps two VMs with the same Secret from showing the same digest. */
const digestOf = (
  part: Part,
  value: unknown,
  { owner, digest }: Pick<DeliveryInput, 'owner'> & { readonly digest: Digest },
): string => digest(JSON.stringify([owner.uid, part, value]));

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
