/** How long a server is left alone whose answers have more than the operator reads: reading them costs both of them. */
import { minutes, seconds, type Millis } from '../lib/units.ts';
import { PveError } from './errors.ts';

export interface Pause {
  /** Why nothing is read now; `undefined`: it may be read. */
  readonly error: Error | undefined;
  /** A read has failed. Errors of other kinds pause nothing. */
  begin(error: Error): void;
  /** A read has succeeded. */
  end(): void;
}

const FIRST = seconds(30);
const LONGEST = minutes(5);

/** @param now epoch ms */
export function createPause(now: () => number): Pause {
  let cause: Error | undefined;
  let since = 0;
  let length: Millis | undefined;

  /** Also after the clock was set back. */
  const isOver = (): boolean => now() < since || now() - since >= (length ?? 0);

  return {
    get error() {
      return isOver() ? undefined : cause;
    },
    begin(error) {
      if (!(error instanceof PveError) || error.refusal !== 'excessive') return;
      cause = error;
      since = now();
      length = length === undefined ? FIRST : longer(length);
    },
    end() {
      cause = undefined;
      length = undefined;
    },
  };
}

const longer = (length: Millis): Millis => (length * 2 > LONGEST ? LONGEST : seconds((length * 2) / 1000));
