/** What a step is performed with, and what it results in. */
import type { ProcessState } from '../model/process-state.ts';
import type { Started } from '../model/facts.ts';
import type { Step } from '../model/plan.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { infoOf } from '../steps/step-info.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';
import type { NodeName, Upid } from '../../../src/lib/units.ts';
import type { CallOptions } from '../../../src/pve/index.ts';

export interface PerformContext {
  readonly resolved: ResolvedSpec;
  readonly processState: ProcessState;
  /** The guest as observed in this pass, with our mark. */
  readonly guest: Guest | undefined;
  /** Node that the cloud-init image was uploaded to. */
  readonly seedNode: NodeName | undefined;
  /** Bytes of the cloud-init image, built only when it is uploaded. */
  readonly seedBytes: () => Uint8Array;
  /** Of the object. */
  readonly generation: number;
  /** Epoch ms. */
  readonly now: number;
  readonly options: CallOptions;
}

export const DONE: Started = { kind: 'done' };

/** @param upid absent if PVE completed the request without a task */
export function startedTask(step: Step, upid: Upid | undefined): Started {
  const { task: type, target } = infoOf(step);
  if (upid === undefined || type === undefined) return DONE;
  return { kind: 'task', type, upid, ...omitUndefined({ target: target?.(step) }) };
}
