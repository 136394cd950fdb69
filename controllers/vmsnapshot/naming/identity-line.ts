/**
 * The line in the description of a snapshot in Proxmox VE that says which VMSnapshot it is. The operator deletes only
 * snapshots that have it. Names prove nothing. Pure.
 */

export interface SnapshotIdentity {
  /** ID of the Kubernetes cluster, generated once and stored next to the Lease. */
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

const LINE = /^virtrigaud-snapshot: ([^/\s]+)\/([^/\s]+)\/([^/\s]+)\/([^/\s]+)\s*$/gm;

export const printIdentity = ({ cluster, namespace, name, uid }: SnapshotIdentity): string =>
  `virtrigaud-snapshot: ${cluster}/${namespace}/${name}/${uid}`;

/** The identity in a description. The last line counts: before it stands what users wrote. */
export function parseIdentity(description: string): SnapshotIdentity | undefined {
  const [, cluster, namespace, name, uid] = [...description.matchAll(LINE)].at(-1) ?? [];
  return cluster && namespace && name && uid ? { cluster, namespace, name, uid } : undefined;
}

/** The description of a snapshot: the text, then the line. */
export const describeSnapshot = (text: string | undefined, line: string): string =>
  text === undefined || text.trim() === '' ? line : `${text.trimEnd()}\n\n${line}`;
