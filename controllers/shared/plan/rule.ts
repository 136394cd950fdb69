/** What a rule of any kind's plan can say: act comes with the kind's own steps, waiting and refusing are the same for all. Pure. */

interface Held {
  readonly reason: string;
  readonly message: string;
  /** Only one part of the desired state is blocked; everything else is in effect. */
  readonly restIsDone?: true;
}

export type Wait = { readonly kind: 'wait'; readonly againMs: number } & Held;

/** Only a person can resolve it; `againMs` where the fix lies outside Kubernetes. */
export type Refuse = { readonly kind: 'refuse'; readonly againMs?: number } & Held;

/** Says what comes next, or nothing where another rule decides. */
export type Rule<Want, Have, Plan> = (want: Want, have: Have) => Plan | undefined;

export const wait = (reason: string, message: string, againMs = 2_000): Wait => ({
  kind: 'wait',
  reason,
  message,
  againMs,
});

export const refuse = (reason: string, message: string, againMs?: number): Refuse => ({
  kind: 'refuse',
  reason,
  message,
  ...(againMs !== undefined && { againMs }),
});
