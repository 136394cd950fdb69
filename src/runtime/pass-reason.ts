/** Why a pass runs. A closed list: each reason is a label of a metric, so its series exist from the start. */
export const PASS_REASONS = [
  /** The process started to act. */
  'startup',
  /** Its object was created, edited or deleted. */
  'edit',
  /** An object that it refers to, or one that refers to it, changed. */
  'relatedObject',
  /** A connection to Proxmox VE was made, lost or refused. */
  'connection',
  /** Proxmox VE shows the guest differently from before. */
  'guestChanged',
  /** A task of Proxmox VE that was followed ended. */
  'taskEnded',
  /** A limit that it waited for has room. */
  'slotFree',
  /** The scan for drift has come to it. */
  'driftScan',
  /** The pass before asked for another at once. */
  'nextStep',
  /** The pass before asked for another after some time. */
  'timer',
  /** The pass before failed, or another client wrote the object meanwhile. */
  'retry',
] as const;

export type PassReason = (typeof PASS_REASONS)[number];

/** What a worker is given: a key, and everything that asked for a pass over it since the last one began. */
export interface Work {
  /** `namespace/name` */
  readonly key: string;
  readonly reasons: ReadonlySet<PassReason>;
}
