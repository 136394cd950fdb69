/** A restart is a shutdown: the power rule starts the guest again, whoever comes by next. */
import type { Observed } from '../../model/observed.ts';
import { notRunningOf } from '../../../shared/guests/states.ts';
import { holdsStart } from '../../../shared/tasks/narrow-failures.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { wait } from '../../../shared/plan/rule.ts';

// After configure and disks, so that one restart serves them all; before power, so that what was stopped is noted first.
export const restart: Rule = (want, have) => {
  const { presence, restart: judged } = have;
  if (!want.exists || presence.kind !== 'seen' || judged?.next === undefined) return undefined;
  // PVE pulls the plug of a guest that stands still when it is asked to shut it down; the power rule tells of it.
  if (notRunningOf(presence.guest)) return undefined;
  switch (judged.next) {
    case 'note':
      return act({ do: 'recordRestart' });
    case 'shutdown':
      return wouldStayOff(have) ? undefined : act({ do: 'shutdown', graceSeconds: want.graceSeconds });
    case 'doubt':
      return wait(
        'RestartOutcomeUnknown',
        'It is not known whether the request to shut the VM down for its restart reached Proxmox VE. It is sent again once it is certain that nothing is under way.',
        2_000,
      );
    default:
      return judged.next satisfies never;
  }
};

/** A guest that is off is not started without a disk of its spec: it is not brought down while one cannot be had. */
const wouldStayOff = ({ disks, failure }: Observed): boolean =>
  (disks?.unmakeable.length ?? 0) > 0 || (failure !== undefined && holdsStart(failure));
