/** What Proxmox VE is looked at with. Types only: nothing in this file runs. */
import type { ProcessState } from '../model/process-state.ts';
import type { TaskWatch } from '../../shared/tasks/watch.ts';
import type { Creations } from '../placement/creation.ts';
import type { ResolvedSpec } from '../resolve/resolve.ts';
import type { Digest } from '../../../src/lib/hash.ts';
import type { CallOptions } from '../../../src/pve/index.ts';

export interface ObserveContext {
  readonly processState: ProcessState;
  readonly creations: Creations;
  readonly tasks: TaskWatch;
  readonly options: CallOptions;
  readonly digest: Digest;
  /** Epoch ms. */
  readonly now: number;
}

export interface InContext {
  readonly resolved: ResolvedSpec;
  readonly context: ObserveContext;
}
