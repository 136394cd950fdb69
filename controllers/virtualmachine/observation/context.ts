/** What Proxmox VE is looked at with. Types only: nothing in this file runs. */
import type { GuestMemory } from '../memory.ts';
import type { TaskWatch } from './task-watch.ts';
import type { Creations } from '../placement/creation.ts';
import type { Wish } from '../resolve.ts';
import type { Digest } from '../../../src/lib/hash.ts';
import type { CallOptions } from '../../../src/pve/index.ts';

export interface ObserveContext {
  readonly memory: GuestMemory;
  readonly creations: Creations;
  readonly tasks: TaskWatch;
  readonly options: CallOptions;
  readonly digest: Digest;
  /** Epoch ms. */
  readonly now: number;
}

export interface InContext {
  readonly wish: Wish;
  readonly context: ObserveContext;
}
