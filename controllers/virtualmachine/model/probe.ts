/** The nouns of the readiness probe. Types only: nothing in this file runs. */

export interface ReadinessProbe {
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
}

export type ProbeResult =
  | { readonly kind: 'exit'; readonly code: number }
  | {
      readonly kind: 'silent' | 'notConfigured' | 'refused' | 'forbidden' | 'late' | 'lost' | 'stopped';
    }
  /** PVE did not pass the command on, which says nothing about the guest: a sentence. */
  | { readonly kind: 'notAsked'; readonly why: string };

/** What this process knows of the probe of a running guest. */
export interface Probe {
  /** Epoch ms: when the guest was started. */
  readonly start: number;
  /** It succeeded last, or failed less often than the threshold; absent: no probe has ended yet. */
  readonly passes?: boolean;
  /** In a row. */
  readonly failures: number;
  readonly last?: ProbeResult;
  /** A probe that has not ended; `since` in epoch ms. */
  readonly process?: { readonly pid: number; readonly since: number };
  /** Epoch ms. */
  readonly dueAt: number;
}
