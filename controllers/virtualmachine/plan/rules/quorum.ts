/**
 * Without quorum PVE starts, creates and moves nothing and writes no configuration. It says so at once for a few requests
 * only; others fail half done: a deletion has destroyed local disks by then. Stopping works.
 */
import { Reasons } from '../../../shared/errors/reasons.ts';
import { wait, type Wait } from '../../../shared/plan/rule.ts';
import type { Observed } from '../../model/observed.ts';
import type { Step } from '../../model/plan.ts';
import type { Desired } from '../../model/desired.ts';
import { infoOf, touches } from '../../steps/step-info.ts';

const RETRY_AFTER_MS = 15_000;

/** Why a step that needs quorum has to wait. */
export function withoutQuorum(step: Step, want: Desired, have: Observed): Wait | undefined {
  if (have.noQuorum !== true || touches(step, 'status')) return undefined;
  const isRestart = step.do === 'shutdown' && want.exists && want.power === 'On';
  return infoOf(step).needsNoQuorum && !isRestart ? undefined : noQuorum;
}

const noQuorum = wait(
  Reasons.noQuorum,
  'The Proxmox VE cluster has no quorum, so nothing can be changed in it. Reconciliation resumes once a majority of its nodes is online.',
  RETRY_AFTER_MS,
);
