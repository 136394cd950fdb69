/** The VMImages that a VM is made with. Pure. */
import type { TemplateSource, VirtualMachine, VMImage } from '../../../src/api/index.ts';
import type { ObjectReader } from '../../../src/runtime/controller.ts';
import { Reasons } from '../../shared/errors/reasons.ts';
import { follow } from '../../shared/objects/references.ts';
import { isIso, type ResolvedCdroms } from '../cdroms/resolve.ts';
import type { Unresolved } from '../model/desired.ts';

export interface ResolvedImage {
  readonly source: TemplateSource | undefined;
  readonly problem?: Unresolved;
}

/** A guest that exists no longer needs the images that it is made with, and one that is adopted needs none. */
const needsImages = ({ spec, status }: VirtualMachine): boolean =>
  status?.name === undefined && spec.adopt === undefined;

/** What keeps the VM from being made. */
export const imageProblems = (
  vm: VirtualMachine,
  { problem }: ResolvedImage,
  drives: ResolvedCdroms,
): readonly Unresolved[] => [...(problem ? [problem] : []), ...(needsImages(vm) ? drives.problems : [])];

/** A VM that exists keeps what its drives have: a sentence each. */
export const cdromsLeft = (vm: VirtualMachine, { problems }: ResolvedCdroms): readonly string[] =>
  needsImages(vm)
    ? []
    : problems.map(
        ({ drive, message }) => `The CD-ROM drive ${drive} of spec.cdroms is left as it is. ${message}`,
      );

/** The template that a VM is cloned from. */
export function imageOf(vm: VirtualMachine, images: ObjectReader<VMImage>): ResolvedImage {
  const {
    metadata: { namespace },
    spec,
  } = vm;
  if (spec.imageRef === undefined) return { source: undefined };
  const image = follow(images, spec.imageRef, {
    namespace,
    kind: 'VMImage',
    field: 'spec.imageRef',
    notFound: Reasons.imageNotFound,
  });
  const problem = image.ok ? undefined : image;
  const source = image.ok ? image.object.spec.source : undefined;
  if (source && !isIso(source)) return { source };
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
  message: `spec.imageRef names VMImage ${namespace}/${name}, whose source is an ISO image, and a VM is cloned from a template. Refer to a VMImage whose source is a template, or remove spec.imageRef, name the image in spec.cdroms, and set spec.boot and a disk root with a size, to install the VM from it.`,
});
