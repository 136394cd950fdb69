/** What of a guest's cloud-init data differs from the spec and stays so. Pure. */
import type { Guest } from '../../shared/guests/model.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';
import type { Desired } from '../model/desired.ts';
import { alteredKeys } from './plan.ts';

type Wanted = Extract<Desired, { exists: true }>;

/** Of a guest that was configured: a sentence each, with what to do. */
export const cloudInitDifferences = (
  want: Wanted,
  guest: Guest,
  plan: CloudInitPlan | undefined,
): string[] => [
  ...(want.cloudInit === undefined
    ? [
        'A Secret with user-data or SSH keys is missing. The VM has read it already; whether it changed is not known.',
      ]
    : []),
  ...(plan?.problem ? [plan.problem.message] : []),
  ...(plan ? changesReported(want, plan, guest) : []),
];

/** What the guest was not given, as far as the spec asks for reports. */
function changesReported(want: Wanted, plan: CloudInitPlan, { config }: Guest): string[] {
  const { changed = [], renews = false } = plan;
  if (changed.length > 0)
    return renews || want.cloudInit?.onChange === 'Ignore'
      ? []
      : [
          `Changed since the guest was given it: ${changed.join(', ')}. cloud-init reads this at the first boot only. ` +
            'To deliver it at the next boot, as to a new instance, set spec.userData.onChange to NextBoot; to end this report, set it to Ignore.',
        ];
  const altered = alteredKeys(plan, config);
  return altered.length > 0
    ? [`Changed in Proxmox VE since the VM was made: ${altered.join(', ')}. They are left so.`]
    : [];
}
