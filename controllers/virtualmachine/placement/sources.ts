/** Whether a VM may be cloned from what its VMImage names. Pure. */
import type { Reason } from '../../../src/api/index.ts';
import { askFor, isOutside } from '../../shared/grants/grants.ts';
import { isSameImage } from '../../shared/guests/image-mark.ts';
import type { OwnerMark } from '../../shared/guests/owner-mark.ts';
import type { WantedTemplates } from '../../shared/images/wanted.ts';
import type { Template } from '../../shared/placement/clone-routes.ts';
import type { PlainSpec } from '../model/resolved-spec.ts';

interface Problem {
  readonly reason: Reason;
  readonly message: string;
}

/**
 * Those that are what the VMImage means. Of templates that were made for it, status says only which they were; the mark
 * that was read of them says whether they still are.
 */
export function provenTemplates(
  image: WantedTemplates,
  templates: readonly Template[],
): readonly Template[] | Problem {
  if (!('made' in image)) return templates;
  const proven = templates.filter(
    (template) => template.isTemplate && isSameImage(template.image, image.mark),
  );
  return proven.length > 0
    ? proven
    : {
        reason: 'ImageNotReady',
        message: `No template of the VMImage has its mark: the description of ${templates.map(({ vmid }) => `template ${vmid}`).join(', ')} does not have the line that begins with "virtrigaud-image:" and ends with ${image.mark.uid}. Reconciliation resumes once another template is made, or the line is back.`,
      };
}

/** @param templates - copies of one template, or a VM that is used as one */
export function sourceProblem(
  templates: readonly Template[],
  spec: Pick<PlainSpec, 'owner' | 'grant' | 'shape'>,
): Problem | undefined {
  for (const template of templates) {
    const problem = notCloneable(template, spec.owner) ?? bridgeProblem(template, spec);
    if (problem) return problem;
  }
  return undefined;
}

/** A template was made to be cloned. Any other guest has data in it that belongs to somebody. */
function notCloneable(
  { vmid, isTemplate, mark, image, running }: Template,
  owner: OwnerMark,
): Problem | undefined {
  if (isTemplate) return undefined;
  if (mark)
    return mark.cluster === owner.cluster && mark.namespace === owner.namespace
      ? undefined
      : notAllowed(vmid, 'belongs to a VirtualMachine of another namespace');
  if (image) return notAllowed(vmid, 'has the mark of a VMImage, for which it is being made into one');
  return running ? notAllowed(vmid, 'runs') : undefined;
}

const notAllowed = (vmid: number, why: string): Problem => ({
  reason: 'SourceNotAllowed',
  message: `VM ${vmid} is not a template and ${why}, so it is not cloned. Name a template in spec.source of the VMImage, a VM of this namespace, or a VM that is stopped and belongs to no VirtualMachine.`,
});

/** Without spec.networks a VM keeps the interfaces of its template. */
export function bridgeProblem(
  { vmid, bridges = [], isTemplate }: Template,
  { grant, shape }: Pick<PlainSpec, 'grant' | 'shape'>,
): Problem | undefined {
  if (shape?.nics) return undefined;
  const bridge = bridges.find((each) => isOutside(grant.bridges, each));
  return bridge === undefined
    ? undefined
    : {
        reason: 'NotGranted',
        message: `${isTemplate ? 'Template' : 'VM'} ${vmid} has an interface on bridge ${bridge}, which VMs of namespace ${grant.namespace} may not use. Set spec.networks, or ${askFor('bridges', grant)}.`,
      };
}
