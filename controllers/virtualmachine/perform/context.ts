/** What a step is carried out with, and what it gives. */
import type { ProcessState } from '../model/process-state.ts';
import type { Started } from '../model/facts.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';
import type { NodeName, Upid } from '../../../src/lib/units.ts';
import type { CallOptions } from '../../../src/pve/index.ts';

export interface PerformContext {
  readonly resolved: ResolvedSpec;
  readonly processState: ProcessState;
  /** The guest of this pass, with our mark as observed in this very pass. */
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

export const startedTask = (type: string, upid: Upid | undefined): Started =>
  upid === undefined ? DONE : { kind: 'task', type, upid };
