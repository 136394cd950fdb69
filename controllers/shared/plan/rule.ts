/** What the rules of every kind have in common: how they answer, and how they are asked. Pure. */
import type { Reason } from '../../../src/api/index.ts';

interface Blocked {
  readonly reason: string;
  readonly message: string;
  /** Only one part of the desired state is blocked; everything else is in effect. */
  readonly restIsDone?: true;
}

export type Wait = { readonly kind: 'wait'; readonly againMs: number } & Blocked;

/** Only a person can resolve it; `againMs` if the fix is outside Kubernetes. */
export type Refuse = { readonly kind: 'refuse'; readonly againMs?: number } & Blocked;

/** Returns what comes next, or nothing if another rule decides. */
export type Rule<Want, Have, Result> = (want: Want, have: Have) => Result | undefined;

export interface NamedRule<Want, Have, Result> {
  readonly name: string;
  readonly decide: Rule<Want, Have, Result>;
}

export interface NamedResult<Result> {
  /** The rule that gave it. */
  readonly rule: string;
  readonly result: Result;
}

/** The result of each rule on its own, in their order. */
export const resultsOf = <Want, Have, Result>(
  rules: readonly NamedRule<Want, Have, Result>[],
  want: Want,
  have: Have,
): readonly NamedResult<Result>[] =>
  rules.flatMap(({ name, decide }) => {
    const result = decide(want, have);
    return result === undefined ? [] : [{ rule: name, result }];
  });

/** The result of the first rule that has one. */
export function firstResult<Want, Have, Result>(
  rules: readonly NamedRule<Want, Have, Result>[],
  want: Want,
  have: Have,
): NamedResult<Result> | undefined {
  for (const { name, decide } of rules) {
    const result = decide(want, have);
    if (result !== undefined) return { rule: name, result };
  }
  return undefined;
}

export const wait = (reason: Reason, message: string, againMs = 2_000): Wait => ({
  kind: 'wait',
  reason,
  message,
  againMs,
});

export const refuse = (reason: Reason, message: string, againMs?: number): Refuse => ({
  kind: 'refuse',
  reason,
  message,
  ...(againMs !== undefined && { againMs }),
});
