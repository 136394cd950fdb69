/**
 * Whether two connections lead to the same PVE cluster. What a server says of itself does not prove it: the installer
 * suggests the name `pve` to every host. So the certificates are compared as well. Pure.
 */
import type { Provider, ProviderStatus } from '../../../src/api/index.ts';
import type { PeerCertificate, View } from '../../../src/pve/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';

/** What a connection shows of the cluster it leads to. */
export interface Evidence {
  /** Absent on a node that belongs to no cluster. */
  readonly name: string | undefined;
  /** Whether the name and the addresses may be read. */
  readonly isComplete: boolean;
  readonly nodes: readonly { readonly name: string; readonly address?: string | undefined }[];
  /** Absent without TLS, which proves nothing. */
  readonly certificate: PeerCertificate | undefined;
}

export const evidenceOf = (view: View, certificate: PeerCertificate | undefined): Evidence => ({
  name: view.clusterName,
  isComplete: view.quorate !== 'unknown',
  nodes: view.nodes.map(({ name, address }) => ({ name, address })),
  certificate,
});

/**
 * The same leaf certificate, or, in a cluster, one from the same private authority. Stand-alone hosts may have theirs
 * from one authority too, so only the leaf certificates differ.
 */
export function haveSameCertificate(a: Evidence, b: Evidence): boolean {
  if (!a.certificate || !b.certificate) return false;
  if (a.certificate.leaf === b.certificate.leaf) return true;
  const root = a.certificate.privateRoot;
  return (
    a.name !== undefined && b.name !== undefined && root !== undefined && root === b.certificate.privateRoot
  );
}

/** As kept in the status of a Provider, so that an operator that has just started knows it as well. */
export interface KeptEvidence {
  readonly namespace: string;
  /** Absent: not known yet. */
  readonly certificate: ProviderStatus['clusterCertificate'];
}

export const keptEvidence = ({ metadata, status }: Readable<Provider>): KeptEvidence => ({
  namespace: metadata.namespace,
  certificate: status?.clusterCertificate,
});

/**
 * Whether two Providers lead to two clusters, although these have one name and the same nodes. Those of one namespace
 * take nothing from each other, and nodes of one cluster may have certificates that have nothing in common.
 */
export function provesOtherCluster(a: KeptEvidence, b: KeptEvidence): boolean {
  if (a.namespace === b.namespace || !a.certificate || !b.certificate) return false;
  const { leaf, authority } = a.certificate;
  return leaf !== b.certificate.leaf && !(authority !== undefined && authority === b.certificate.authority);
}

const printed = (evidence: Evidence, withAddress: boolean): string =>
  evidence.nodes
    .map(({ name, address }) => (withAddress ? `${name}@${address ?? ''}` : name))
    .toSorted()
    .join(',');

/** All evidence is equal; what one of them may not read is not compared. */
export function provesSameCluster(a: Evidence, b: Evidence): boolean {
  const comparable = a.isComplete && b.isComplete;
  return (
    (!comparable || a.name === b.name) &&
    printed(a, comparable) === printed(b, comparable) &&
    haveSameCertificate(a, b)
  );
}
