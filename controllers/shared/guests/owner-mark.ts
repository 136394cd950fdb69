/**
 * The line in a guest's description that says whose guest it is. Only a guest that carries the mark of the very
 * object in hand is ever changed; names, tags and numbers prove nothing.
 */

export interface OwnerMark {
  /** Identity of the Kubernetes cluster: made once, kept beside the Lease. */
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** On a VirtualMachine: guests of other Kubernetes clusters with its namespace and name are none of its concern. */
export const BESIDE_OTHER_CLUSTERS = 'virtrigaud.io/beside-other-clusters';

const LINE = /^virtrigaud: ([^/\s]+)\/([^/\s]+)\/([^/\s]+)\/([^/\s]+)\s*$/m;

export const printMark = (mark: OwnerMark): string =>
  `virtrigaud: ${mark.cluster}/${mark.namespace}/${mark.name}/${mark.uid}`;

/** The mark in a description, whatever else stands there; `undefined` where there is none. */
export function parseMark(description: string | undefined): OwnerMark | undefined {
  const [, cluster, namespace, name, uid] = LINE.exec(description ?? '') ?? [];
  return cluster && namespace && name && uid ? { cluster, namespace, name, uid } : undefined;
}

export const isSameOwner = (a: OwnerMark | undefined, b: OwnerMark): boolean =>
  a !== undefined && a.cluster === b.cluster && a.uid === b.uid;

/** The same object by name, made anew: its cluster was rebuilt from Git, or it was deleted without us. */
export const isFormerOwner = (a: OwnerMark | undefined, b: OwnerMark): boolean =>
  a !== undefined && a.namespace === b.namespace && a.name === b.name && !isSameOwner(a, b);

/** What a guest's description says: for people first, the mark last. */
export const describeGuest = (
  mark: OwnerMark,
  text = `Managed by the VirtualMachine ${mark.namespace}/${mark.name} in Kubernetes. Keep the line below: it says whose guest this is.`,
): string => (text === '' ? printMark(mark) : `${text}\n\n${printMark(mark)}`);

/** What stands in a description beside our line. */
export const textWithoutMark = (description: string): string =>
  description
    .split('\n')
    .filter((line) => !LINE.test(line))
    .join('\n');

const SENTENCE =
  /^Managed by the VirtualMachine \S+ in Kubernetes\. Keep the line below: it says whose guest this is\.\s*$/;

/** A description without the lines that we write into it; what people wrote there stays. */
export function withoutMark(description: string): string {
  const kept = description.split('\n').filter((line) => !LINE.test(line) && !SENTENCE.test(line));
  return kept.join('\n').replace(/^\s*\n|\s+$/g, '');
}
