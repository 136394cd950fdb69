/**
 * The line in the description of a template that says which VMImage it was made for. It is never read as an owner mark,
 * which is that of a VirtualMachine. A clone has a copy of it, so it counts only on a template.
 */

export interface ImageMark {
  /** ID of the Kubernetes cluster. */
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** Of the VMImage. */
  readonly uid: string;
}

const LINE = /^virtrigaud-image: ([^/\s]+)\/([^/\s]+)\/([^/\s]+)\/([^/\s]+)\s*$/m;

export const printImageMark = ({ cluster, namespace, name, uid }: ImageMark): string =>
  `virtrigaud-image: ${cluster}/${namespace}/${name}/${uid}`;

/** Parses the mark in a description; `undefined` if there is none. */
export function parseImageMark(description: string | undefined): ImageMark | undefined {
  const [, cluster, namespace, name, uid] = LINE.exec(description ?? '') ?? [];
  return cluster && namespace && name && uid ? { cluster, namespace, name, uid } : undefined;
}

/** Names may be those of a former object. */
export const isSameImage = (
  a: Pick<ImageMark, 'cluster' | 'uid'> | undefined,
  b: Pick<ImageMark, 'cluster' | 'uid'>,
): boolean => a !== undefined && a.cluster === b.cluster && a.uid === b.uid;

/** The description of a template: what it is, then the mark. */
export const describeTemplate = (mark: ImageMark): string =>
  `Made for the VMImage ${mark.namespace}/${mark.name} in Kubernetes. Keep the line below: it says which VMImage this is of.\n\n${printImageMark(mark)}`;
