/** Differences of cloud-init data that the operator does not remove. Pure. */
import type { Guest } from '../../shared/guests/model.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';
import type { Desired } from '../model/desired.ts';
import { alteredKeys } from './plan.ts';

type Wanted = Extract<Desired, { exists: true }>;

/** For a configured guest: one message each, with the way to resolve it. */
export const cloudInitDifferences = (
  want: Wanted,
  guest: Guest,
  plan: CloudInitPlan | undefined,
): string[] => [
  ...(want.cloudInit === undefined && !want.held?.cloudInit
    ? [
        'A Secret with user-data or SSH keys is missing. The VM has already read its data. Whether the data changed is not known. Create the Secret again.',
      ]
    : []),
  ...(plan?.problem ? [plan.problem.message] : []),
  ...(plan ? changesReported(want, plan, guest) : []),
];

/** Changes that were not delivered, unless the spec says to ignore them. */
function changesReported(want: Wanted, plan: CloudInitPlan, { config }: Guest): string[] {
  const { changed = [], renews = false } = plan;
  if (changed.length > 0)
    return renews || want.cloudInit?.onChange === 'Ignore'
      ? []
      : [
          `The guest was given older ${changed.join(', ')}: cloud-init reads its data only at the first boot of an instance. ` +
            'Set spec.userData.onChange to NextBoot to deliver it at the next boot as for a new instance, or to Ignore to hide this message.',
        ];
  const altered = alteredKeys(plan, config);
  return altered.length > 0
    ? [
        `Changed in Proxmox VE since the VM was created: ${altered.join(', ')}. The operator does not change them back. Undo the changes there, or write them into the spec.`,
      ]
    : [];
}
