/** A restart is a shutdown: the power rule starts the guest again. */
import type { Observed } from '../../model/observed.ts';
import { notRunningOf } from '../../../shared/guests/states.ts';
import { blocksStart } from '../../steps/step-info.ts';
import type { Rule } from './rule.ts';
import { act } from './rule.ts';
import { wait } from '../../../shared/plan/rule.ts';

// After configure and disks, so that one restart serves them all; before power, so that the stop is recorded first.
export const restart: Rule = (want, have) => {
  const { presence, restart: judged } = have;
  if (!want.exists || presence.kind !== 'seen' || judged?.next === undefined) return undefined;
  // PVE stops a guest that is not executing when it is asked to shut it down; the power rule reports it.
  if (notRunningOf(presence.guest)) return undefined;
  switch (judged.next) {
    case 'note':
      return act({ do: 'recordRestart' });
    case 'shutdown':
      return wouldStayOff(have) ? undefined : act({ do: 'shutdown', graceSeconds: want.graceSeconds });
    case 'doubt':
      return wait(
        'RestartOutcomeUnknown',
        'It is unknown whether the request to shut the VM down for its restart reached Proxmox VE. The operator sends it again once it is certain that no earlier request is in progress.',
        2_000,
      );
    default:
      return judged.next satisfies never;
  }
};

/**
 * A stopped guest is not started without a disk of its spec or without its first configuration, so it is not shut down
 * while one of them cannot be provided.
 */
export const wouldStayOff = ({ change, disks, failure }: Observed): boolean =>
  change?.seedProblem !== undefined ||
  (disks?.unmakeable.length ?? 0) > 0 ||
  (failure !== undefined && blocksStart(failure));
