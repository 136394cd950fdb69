/** What a pass over a VMSnapshot does. Types only: nothing in this file runs. */
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
  | { readonly do: 'delete'; readonly name: string };

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
