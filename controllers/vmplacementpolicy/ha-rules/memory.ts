/**
 * What a process remembers of rules, by their names. Nothing of it has to survive: what is not known counts as in doubt, and
 * a change that was refused is tried once more.
 */
import { minutes, seconds } from '../../../src/lib/units.ts';

/** As long as a lost request may still arrive. */
const DOUBT = seconds(75);
/** After a refusal: people or Proxmox VE have to change something first. */
const HOLD_OFF = minutes(1);

interface Refused {
  /** What was refused. */
  readonly change: string;
  readonly message: string;
  readonly until: number;
}

export interface RuleMemory {
  /** A rule that status lists and Proxmox VE does not have: whether a request of ours may still create it. */
  mayStillAppear(rule: string): boolean;
  /** Its presence is known: it was seen, or no request for it is under way. */
  settle(rule: string): void;
  /** The answer to a request was lost. */
  doubt(rule: string): void;
  /** Why a change is not tried now; `undefined`: it may be. */
  refused(rule: string, change: string): string | undefined;
  /** A refusal of any change of the rule, for status. */
  lastRefusal(rule: string): string | undefined;
  refuse(rule: string, change: string, message: string): void;
  accept(rule: string): void;
  /** Neither status nor Proxmox VE has it. */
  forget(rule: string): void;
}

/** @param now epoch ms */
export function createRuleMemory(now: () => number): RuleMemory {
  const settled = new Set<string>();
  const doubts = new Map<string, number>();
  const refusals = new Map<string, Refused>();

  return {
    mayStillAppear(rule) {
      if (settled.has(rule)) return false;
      const since = doubts.get(rule) ?? now();
      doubts.set(rule, since);
      return now() - since < DOUBT;
    },
    settle(rule) {
      settled.add(rule);
      doubts.delete(rule);
    },
    doubt(rule) {
      settled.delete(rule);
      doubts.set(rule, now());
    },
    refused(rule, change) {
      const last = refusals.get(rule);
      return last?.change === change && last.until > now() ? last.message : undefined;
    },
    lastRefusal: (rule) => refusals.get(rule)?.message,
    refuse: (rule, change, message) => void refusals.set(rule, { change, message, until: now() + HOLD_OFF }),
    accept: (rule) => void refusals.delete(rule),
    forget(rule) {
      settled.delete(rule);
      doubts.delete(rule);
      refusals.delete(rule);
    },
  };
}
