/** What a pass over a VMSnapshot does. Types only: nothing in this file runs. */
import type { Upid } from '../../../src/lib/units.ts';
import type { Ending } from './revert.ts';
import type { Refuse, Wait } from '../../shared/plan/rule.ts';

/** A request to Proxmox VE that is announced in status before it is sent. */
export type Announced = 'Create' | 'Delete';

export type Step =
  /** Only status is written: the name is reserved, and a request is about to be sent. */
  | { readonly do: 'announce'; readonly request: Announced; readonly name: string }
  /** Only status is written: the snapshot was found by its description. */
  | { readonly do: 'recordName'; readonly name: string }
  | {
      readonly do: 'create';
      readonly name: string;
      readonly description: string;
      readonly memory: boolean;
    }
  | { readonly do: 'delete'; readonly name: string }
  | RevertStep;

export type RevertStep =
  /** Only status is written: the VirtualMachine is asked to leave the guest alone. */
  | { readonly do: 'announceRevert'; readonly requestedAt: string }
  /** Only status is written: the request is about to be sent. */
  | { readonly do: 'recordSent'; readonly requestedAt: string }
  | { readonly do: 'rollback'; readonly name: string; readonly requestedAt: string }
  /** Only status is written: the task of a request whose answer was lost. */
  | { readonly do: 'followRollback'; readonly upid: Upid }
  /** Only status is written. */
  | { readonly do: 'endRevert'; readonly requestedAt: string; readonly ending: Ending }
  /** Only status is written: the time never acts. */
  | { readonly do: 'ignoreRevert'; readonly requestedAt: string };

/** What stays in Proxmox VE when the object is gone. */
export interface LeftBehind {
  /** A sentence. */
  readonly message: string;
}

export type RuleResult =
  | Wait
  | Refuse
  | { readonly kind: 'act'; readonly step: Step }
  /** The snapshot is as asked for. */
  | { readonly kind: 'settled' }
  /** The finalizer is removed. */
  | { readonly kind: 'gone'; readonly left?: LeftBehind };

export type Plan = RuleResult;
