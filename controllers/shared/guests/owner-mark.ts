/**
 * The owner mark: a line in a guest's description that identifies its VirtualMachine. The operator changes only guests
 * with the mark of the reconciled object. A clone has a copy of the line, so the line alone proves nothing either:
 * `identity.ts` says when it counts. Names, tags and VMIDs prove nothing.
 */

export interface OwnerMark {
  /** ID of the Kubernetes cluster, generated once and stored next to the Lease. */
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** SMBIOS UUID of the guest, where it is not the uid: of one that was adopted. */
  readonly uuid?: string;
}

const LINE = /^virtrigaud: ([^/\s]+)\/([^/\s]+)\/([^/\s]+)\/([^/\s]+)(?: +uuid=([0-9A-Fa-f-]+|none))?\s*$/m;

export const printMark = ({ cluster, namespace, name, uid, uuid }: OwnerMark): string =>
  `virtrigaud: ${cluster}/${namespace}/${name}/${uid}${uuid === undefined ? '' : ` uuid=${uuid}`}`;

/** Parses the mark in a description; `undefined` if there is none. */
export function parseMark(description: string | undefined): OwnerMark | undefined {
  const [, cluster, namespace, name, uid, uuid] = LINE.exec(description ?? '') ?? [];
  return cluster && namespace && name && uid
    ? { cluster, namespace, name, uid, ...(uuid !== undefined && { uuid: uuid.toLowerCase() }) }
    : undefined;
}

export const isSameOwner = (a: OwnerMark | undefined, b: OwnerMark): boolean =>
  a !== undefined && a.cluster === b.cluster && a.uid === b.uid;

/** Whether the mark is that of a former object with the same name, for example because the cluster was rebuilt from Git. */
export const isFormerOwner = (a: OwnerMark | undefined, b: OwnerMark): boolean =>
  a !== undefined && a.namespace === b.namespace && a.name === b.name && !isSameOwner(a, b);

/** The description of a guest: the text, then the mark. */
export const describeGuest = (
  mark: OwnerMark,
  text = `Managed by the VirtualMachine ${mark.namespace}/${mark.name} in Kubernetes. Keep the line below: it says whose guest this is.`,
): string => (text === '' ? printMark(mark) : `${text}\n\n${printMark(mark)}`);

/** The description without the mark. */
export const textWithoutMark = (description: string): string =>
  description
    .split('\n')
    .filter((line) => !LINE.test(line))
    .join('\n');

const SENTENCE =
  /^Managed by the VirtualMachine \S+ in Kubernetes\. Keep the line below: it says whose guest this is\.\s*$/;

/** Removes the operator's lines from a description and keeps the rest. */
export function withoutMark(description: string): string {
  const kept = description.split('\n').filter((line) => !LINE.test(line) && !SENTENCE.test(line));
  return kept.join('\n').replace(/^\s*\n|\s+$/g, '');
}
