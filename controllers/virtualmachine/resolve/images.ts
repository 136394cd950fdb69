/** The VMImages that a VM is made with. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { follow } from '../../shared/objects/references.ts';
import { wantedTemplates, type WantedTemplates } from '../../shared/images/wanted.ts';
import { seenFrom, type ImagePorts, type ResolvedCdroms } from '../cdroms/resolve.ts';
import type { Unresolved } from '../model/desired.ts';

export interface ResolvedImage {
  readonly source: WantedTemplates | undefined;
  readonly problem?: Unresolved;
}

/** A guest that exists no longer needs the images that it is made with, and one that is adopted needs none. */
const needsImages = ({ spec, status }: VirtualMachine): boolean =>
  status?.name === undefined && status?.internal?.recovered !== true && spec.adopt === undefined;

/** What keeps the VM from being made. */
export const imageProblems = (
  vm: VirtualMachine,
  { problem }: ResolvedImage,
  drives: ResolvedCdroms,
): readonly Unresolved[] => [...(problem ? [problem] : []), ...(needsImages(vm) ? drives.problems : [])];

/** What it waits for once nothing else is in its way, so that nothing is downloaded for a VM that cannot be made. */
export const awaitedImage = (vm: VirtualMachine, { waiting }: ResolvedCdroms): Unresolved | undefined =>
  needsImages(vm) ? waiting[0] : undefined;

/** A VM that exists keeps what its drives have: a sentence each. */
export const cdromsLeft = (vm: VirtualMachine, { problems, waiting }: ResolvedCdroms): readonly string[] =>
  needsImages(vm)
    ? []
    : [...problems, ...waiting].map(
        ({ drive, message }) => `The CD-ROM drive ${drive} of spec.cdroms is left as it is. ${message}`,
      );

/** The template that a VM is cloned from. */
export function imageOf(vm: VirtualMachine, ports: ImagePorts): ResolvedImage {
  const {
    metadata: { namespace },
    spec,
  } = vm;
  if (spec.imageRef === undefined) return { source: undefined };
  const image = follow(ports.images, spec.imageRef, {
    namespace,
    kind: 'VMImage',
    field: 'spec.imageRef',
    notFound: Reasons.imageNotFound,
  });
  const problem = image.ok ? undefined : image;
  const source = image.ok ? wantedTemplates(image.object, seenFrom(vm, ports)) : undefined;
  if (source) return { source };
  return needsImages(vm)
    ? { source: undefined, problem: problem ?? isoAsTemplate(vm, spec.imageRef) }
    : { source: undefined };
}

const isoAsTemplate = (
  { metadata }: VirtualMachine,
  { name, namespace = metadata.namespace }: NonNullable<VirtualMachine['spec']['imageRef']>,
): Unresolved => ({
  ok: false,
  reason: Reasons.wrongImageType,
  message: `spec.imageRef names VMImage ${namespace}/${name}, which is an ISO image, and a VM is cloned from a template. Refer to a VMImage that is a template, or remove spec.imageRef, name the image in spec.cdroms, and set spec.boot and a disk root with a size, to install the VM from it.`,
});
