/** Waits for what the operator does, and shows on a terminal what it waits for. */
import { sleep } from '../runtime/clock.ts';
import { seconds, type Millis } from '../lib/units.ts';
import { timeoutOf } from './common-flags.ts';
import type { Call } from './command.ts';
import { CliError } from './failure.ts';
import { conditionOf, isSeen, type Stored } from './cluster/objects.ts';
import { line } from './output/text.ts';

export type Progress =
  | { readonly state: 'done'; readonly object: Stored }
  | { readonly state: 'waiting'; readonly for: string }
  /** It will not come by waiting. */
  | { readonly state: 'failed'; readonly why: string };

const EVERY = seconds(1);
const AT_FIRST = 200;
const WIDTH = 100;
/** Back to the start of the line, which is erased. */
const ERASE = '\r\u001B[K';

/**
 * Looks until it is done.
 * @param what as kubectl names it: `virtualmachines/web`
 * @throws {CliError} if it fails, or takes longer than `--timeout`
 */
export async function waitFor(call: Call, what: string, look: () => Promise<Progress>): Promise<Stored> {
  const { terminal } = call;
  const until = terminal.clock.monotonic() + timeoutOf(call);
  let shown = '';
  const show = (text: string): void => {
    if (!terminal.progress || text === shown) return;
    shown = text;
    terminal.err(text === '' ? ERASE : `${ERASE}${line(text).slice(0, WIDTH)}`);
  };
  try {
    for (let tries = 0; ; tries += 1) {
      const progress = await look();
      if (progress.state === 'done') return progress.object;
      if (progress.state === 'failed') throw new CliError(`${what}: ${line(progress.why)}`);
      show(`${what}: ${progress.for}`);
      if (terminal.clock.monotonic() >= until)
        throw new CliError(`timed out waiting for the condition on ${what}: ${line(progress.for)}`);
      await sleep(terminal.clock, pause(tries), terminal.interrupted);
      if (terminal.interrupted.aborted) throw new CliError(`${what}: interrupted`);
    }
  } finally {
    show('');
  }
}

/** The first answers of the operator come soon. */
const pause = (tries: number): Millis => seconds(tries < 5 ? AT_FIRST / 1000 : EVERY / 1000);

/** What an object says that is not as it is waited for. */
export function notYet(object: Stored): Progress {
  if (!isSeen(object)) return { state: 'waiting', for: 'The operator has not seen it yet.' };
  const stalled = conditionOf(object, 'Stalled');
  const ready = conditionOf(object, 'Ready');
  if (stalled?.status === 'True')
    return { state: 'failed', why: ready?.message ?? stalled.message ?? 'It cannot go on.' };
  return { state: 'waiting', for: ready?.message ?? 'It is in progress.' };
}
