/**
 * Whether two connections lead to the same PVE cluster. What a server says of itself does not prove it: the installer
 * suggests the name `pve` to every host. So the certificates are compared as well. Pure.
 */
import type { PeerCertificate, View } from '../../../src/pve/index.ts';

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
