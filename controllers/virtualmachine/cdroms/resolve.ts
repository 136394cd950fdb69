/** Which images the CD-ROM drives of a spec mean. Pure. */
import type { ImageSource, VirtualMachine, VMImage } from '../../../src/api/index.ts';
import type { ObjectReader } from '../../../src/runtime/controller.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { follow } from '../../shared/objects/references.ts';
import type { DesiredCdrom } from '../model/cdroms.ts';
import type { Unresolved } from '../model/desired.ts';

type Cdrom = NonNullable<VirtualMachine['spec']['cdroms']>[number];

export interface ResolvedCdroms {
  /** Empty: the spec has none. */
  readonly desired: { readonly cdroms?: readonly DesiredCdrom[] };
  /** Why an image is not known. */
  readonly problems: readonly (Unresolved & { readonly drive: string })[];
}

export function resolveCdroms(vm: VirtualMachine, images: ObjectReader<VMImage>): ResolvedCdroms {
  const { cdroms } = vm.spec;
  if (cdroms === undefined) return { desired: {}, problems: [] };
  const found = cdroms.map((cdrom) => imageFor(cdrom, vm.metadata.namespace, images));
  return {
    desired: { cdroms: cdroms.map(({ name }, n) => ({ name, ...volumeOf(found[n]) })) },
    problems: found.flatMap((each, n) => ('ok' in each ? [{ ...each, drive: cdroms[n]?.name ?? '' }] : [])),
  };
}

type Found = { readonly volume: string } | Unresolved;

const volumeOf = (found: Found | undefined): Pick<DesiredCdrom, 'volume'> =>
  found && 'volume' in found ? { volume: found.volume } : {};

function imageFor({ name, imageRef }: Cdrom, namespace: string, images: ObjectReader<VMImage>): Found {
  const image = follow(images, imageRef, {
    namespace,
    kind: 'VMImage',
    field: 'spec.cdroms',
    notFound: Reasons.imageNotFound,
  });
  if (!image.ok) return image;
  const { source } = image.object.spec;
  return isIso(source)
    ? { volume: source.iso }
    : {
        ok: false,
        reason: Reasons.wrongImageType,
        message: `The CD-ROM drive ${name} of spec.cdroms refers to VMImage ${imageRef.namespace ?? namespace}/${imageRef.name}, whose source is a template. Refer to a VMImage whose source is an ISO image, for example local:iso/debian-12.iso.`,
      };
}

export const isIso = (source: ImageSource): source is Extract<ImageSource, { iso: string }> =>
  'iso' in source;
