/** What a command sees of the machine it runs on. */
import type { Clock } from '../runtime/clock.ts';

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether the output is coloured: on a terminal, unless NO_COLOR is set. */
  readonly colour: boolean;
  /** Whether progress is shown: standard error is a terminal. */
  readonly progress: boolean;
  readonly clock: Clock;
  /** Aborted by Ctrl-C and by the end of the terminal: what is waited for is given up, and what must be put back is. */
  readonly interrupted: AbortSignal;
  /** Work that puts something back at its end, however often the user asks to end. `what`: what it does then. */
  readonly finish: <T>(what: string, work: Promise<T>) => Promise<T>;
  /** Runs a program of the system in this terminal; gives its exit code. */
  readonly run: (program: string, args: readonly string[]) => Promise<number>;
  /** `linux`, `darwin` … */
  readonly platform: string;
}
