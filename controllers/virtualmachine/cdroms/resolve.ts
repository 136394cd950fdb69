/** Which images the CD-ROM drives of a spec mean. Pure. */
import type { VirtualMachine, VMImage } from '../../../src/api/index.ts';
import type { ObjectReader } from '../../../src/runtime/controller.ts';
import { isOneCluster, type Connections } from '../../shared/cluster/connections.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { IMAGE_NOT_READY } from '../../shared/images/demand.ts';
import {
  downloadedIso,
  isIsoDownload,
  progressOf,
  type SeenFrom,
  type WantedImage,
} from '../../shared/images/wanted.ts';
import { follow } from '../../shared/objects/references.ts';
import type { DesiredCdrom } from '../model/cdroms.ts';
import type { Unresolved } from '../model/desired.ts';

export interface ImagePorts {
  readonly clusterId: string;
  readonly images: ObjectReader<VMImage>;
  readonly connections: Pick<Connections, 'get'>;
}

/** How a VM sees what was downloaded: what another Provider of the same PVE cluster has is there as well. */
export function seenFrom(
  { metadata, spec: { providerRef } }: VirtualMachine,
  { clusterId, connections }: Omit<ImagePorts, 'images'>,
): SeenFrom {
  const { namespace } = metadata;
  const at = { namespace: providerRef.namespace ?? namespace, name: providerRef.name };
  const own = connections.get(at.namespace, at.name);
  return {
    clusterId,
    namespace,
    isInCluster(provider) {
      const [of = '', name = ''] = provider.split('/');
      if (of === at.namespace && name === at.name) return true;
      const other = connections.get(of, name);
      return own !== undefined && other !== undefined && isOneCluster(own, other);
    },
  };
}

type Cdrom = NonNullable<VirtualMachine['spec']['cdroms']>[number];

export interface ResolvedCdroms {
  /** Empty: the spec has none. */
  readonly desired: { readonly cdroms?: readonly DesiredCdrom[] };
  /** Why an image is not known. */
  readonly problems: readonly DriveProblem[];
  /** Which are not downloaded yet. */
  readonly waiting: readonly DriveProblem[];
}

type DriveProblem = Unresolved & { readonly drive: string };

export function resolveCdroms(vm: VirtualMachine, ports: ImagePorts): ResolvedCdroms {
  const { cdroms } = vm.spec;
  if (cdroms === undefined) return { desired: {}, problems: [], waiting: [] };
  const found = cdroms.map((cdrom) => imageFor(cdrom, vm, ports));
  const problems = found.flatMap((each, n) =>
    'ok' in each ? [{ ...each, drive: cdroms[n]?.name ?? '' }] : [],
  );
  return {
    desired: { cdroms: cdroms.map(({ name }, n) => ({ name, ...volumeOf(found[n]) })) },
    problems: problems.filter(({ reason }) => reason !== IMAGE_NOT_READY),
    waiting: problems.filter(({ reason }) => reason === IMAGE_NOT_READY),
  };
}

type Found = Omit<DesiredCdrom, 'name'> | Unresolved;

const volumeOf = (found: Found | undefined): Omit<DesiredCdrom, 'name'> =>
  found && !('ok' in found) ? found : {};

function imageFor({ name, imageRef }: Cdrom, vm: VirtualMachine, ports: ImagePorts): Found {
  const { namespace } = vm.metadata;
  const image = follow(ports.images, imageRef, {
    namespace,
    kind: 'VMImage',
    field: 'spec.cdroms',
    notFound: Reasons.imageNotFound,
  });
  if (!image.ok) return image;
  return (
    isoIn(image.object, vm, ports) ?? {
      ok: false,
      reason: Reasons.wrongImageType,
      message: `The CD-ROM drive ${name} of spec.cdroms refers to VMImage ${imageRef.namespace ?? namespace}/${imageRef.name}, which is a template. Refer to a VMImage whose source is an ISO image, for example local:iso/debian-12.iso, or one that downloads an ISO image.`,
    }
  );
}

/** `undefined`: it is none. */
function isoIn(image: WantedImage, vm: VirtualMachine, ports: ImagePorts): Found | undefined {
  const { source, download } = image.spec;
  if (source) return 'iso' in source ? { volume: source.iso } : undefined;
  if (!download || !isIsoDownload(download)) return undefined;
  const node = vm.status?.node ?? vm.spec.placement?.host;
  const volume = downloadedIso(image, { ...seenFrom(vm, ports), node });
  if (volume !== undefined) return { volume, downloaded: true };
  return { ok: false, reason: IMAGE_NOT_READY, message: progressOf(image, vm.metadata.namespace) };
}
