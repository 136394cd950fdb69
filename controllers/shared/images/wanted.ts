/** What a VM that is to be made wants of its VMImage: a template that exists, or one that is made of a download. Pure. */
import {
  formatOf,
  type TemplateSource,
  type VMImage,
  type VMImageSpec,
  type VMImageStatus,
} from '../../../src/api/index.ts';
import { asSentence } from '../../../src/lib/sentence.ts';
import type { NodeName, Vmid } from '../../../src/lib/units.ts';
import type { ImageMark } from '../guests/image-mark.ts';
import { fileNameOf } from './file-name.ts';

/** Templates with this tag; each node may have one. */
export interface TagSource {
  readonly tag: string;
}

/** Templates that were made for a VMImage. */
export interface MadeTemplates {
  /** Those that status says are ready. Their mark proves whether they are. */
  readonly made: readonly Vmid[];
  readonly mark: Pick<ImageMark, 'cluster' | 'uid'>;
  /** Why there is none yet: a sentence, the same for the whole time that something takes. */
  readonly progress: string;
  /** `VMImage default/ubuntu` */
  readonly name: string;
  /** What is in the way of the image, or what is done for it: a sentence. Absent: it is ready. */
  readonly notReady?: string;
  /** Where its templates may be made. */
  readonly spec: Pick<VMImageSpec, 'download' | 'template'>;
  /** Nodes that the file is downloaded to, or a template is made on. */
  readonly making: readonly NodeName[];
  /** Of these, where that failed again and again. */
  readonly failing: readonly NodeName[];
}

export type WantedTemplates = TemplateSource | TagSource | MadeTemplates;

type Download = NonNullable<VMImageSpec['download']>;
type TemplateEntry = NonNullable<VMImageStatus['templates']>[number];

/** A VMImage as far as VMs need it. */
export type WantedImage = Pick<VMImage, 'metadata' | 'spec' | 'status'>;

export interface SeenFrom {
  readonly clusterId: string;
  /** The namespace of the VM. */
  readonly namespace: string;
  /** Whether a Provider leads to the PVE cluster of the VM. @param provider `namespace/name` */
  readonly isInCluster: (provider: string) => boolean;
}

/** `undefined`: it is an ISO image. */
export function wantedTemplates(image: WantedImage, from: SeenFrom): WantedTemplates | undefined {
  const { source, sourceTag, download } = image.spec;
  if (source) return 'iso' in source ? undefined : source;
  if (sourceTag !== undefined) return { tag: sourceTag };
  return download && !isIsoDownload(download) ? madeTemplates(image, download, from) : undefined;
}

/** Whether a download is an ISO image: as the spec says, or else by the ending of the URL. */
export const isIsoDownload = (download: Download): boolean => formatOf(download) === 'iso';

function madeTemplates(
  image: WantedImage,
  download: Download,
  { clusterId, namespace, isInCluster }: SeenFrom,
): MadeTemplates {
  const { templates = [], downloads = [] } = image.status ?? {};
  const files = downloads.filter(({ provider }) => isInCluster(provider));
  const made = templates.flatMap((entry) =>
    entry.state === 'Ready' && isInCluster(entry.provider) && isCurrent(entry, image.metadata.uid, download)
      ? entry.vmid
      : [],
  );
  const mark = { cluster: clusterId, uid: image.metadata.uid };
  const notReady = notReadyOf(image, namespace);
  return {
    made,
    mark,
    progress: progressOf(image, namespace),
    name: nameOf(image),
    ...(notReady !== undefined && { notReady }),
    spec: image.spec,
    making: [
      ...files.map(({ node }) => node),
      ...templates.flatMap(({ provider, state, node }) =>
        state === 'Reserved' && isInCluster(provider) ? [node] : [],
      ),
    ],
    failing: files.flatMap(({ node, failure }) =>
      failure && failure.attempts >= GIVEN_UP_AFTER ? [node] : [],
    ),
  };
}

/** A VM that can be made in another way does not wait for a node that the file cannot be downloaded to. */
const GIVEN_UP_AFTER = 3;

/** Made of what the spec asks for now. */
const isCurrent = ({ provider, checksum, file }: TemplateEntry, uid: string, download: Download): boolean =>
  (download.checksum === undefined || checksum?.toLowerCase() === download.checksum.toLowerCase()) &&
  file === fileNameOf(uid, provider, download);

/**
 * The volume of an ISO image that was downloaded, if the PVE cluster of the VM has it.
 * @param node that the VM is on, or must be on, which has a file of its own where the storage is not shared
 */
export function downloadedIso(
  image: WantedImage,
  { isInCluster, node }: SeenFrom & { readonly node: string | undefined },
): string | undefined {
  const there = currentIsos(image).filter(
    ({ provider, state }) => state === 'Downloaded' && isInCluster(provider),
  );
  return (there.find((each) => each.node === node) ?? there[0])?.volume;
}

/** Those of what the spec asks for now: no status makes another volume one of them. */
export function currentIsos({
  metadata: { uid },
  spec: { download },
  status,
}: WantedImage): NonNullable<VMImageStatus['downloads']> {
  if (!download) return [];
  return (status?.downloads ?? []).filter(
    ({ provider, storage, volume }) => volume === `${storage}:iso/${fileNameOf(uid, provider, download)}`,
  );
}

const MAX_MESSAGE = 500;

/**
 * How far an image is, without what changes all the time: twenty VMs that wait would write their status at each per
 * cent. What is in its way, its own namespace may read.
 */
export function progressOf(
  { metadata, status }: Pick<WantedImage, 'metadata' | 'status'>,
  namespace: string,
): string {
  const name = nameOf({ metadata });
  if (metadata.deletionTimestamp !== undefined)
    return `${name} is being deleted, and has no template or ISO image in the Proxmox VE cluster of this VM. Refer to another VMImage, or delete this VM.`;
  return (
    notReadyOf({ metadata, status }, namespace) ??
    `${name} has no template or ISO image in the Proxmox VE cluster of this VM yet. It is downloaded because this VM needs it.`
  );
}

const nameOf = ({ metadata: { namespace, name } }: Pick<WantedImage, 'metadata'>): string =>
  `VMImage ${namespace}/${name}`;

function notReadyOf(
  { metadata, status }: Pick<WantedImage, 'metadata' | 'status'>,
  namespace: string,
): string | undefined {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'False') return undefined;
  const name = nameOf({ metadata });
  if (metadata.namespace !== namespace)
    return `${name} is not ready (${ready.reason}). Its condition Ready says why; reconciliation resumes by itself.`;
  const said = asSentence(withoutPercent(ready.message)).slice(0, MAX_MESSAGE);
  return `${name} is not ready (${ready.reason}): ${said}`;
}

const withoutPercent = (message: string): string =>
  message.replaceAll(/[ (,]*\b\d+(\.\d+)? ?(%|per cent)( done)?\)?/g, '');
