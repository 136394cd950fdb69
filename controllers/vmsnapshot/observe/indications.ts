/**
 * How a snapshot was taken, as the log of its task says (qemu-server, QemuConfig.pm and Agent.pm). Pure.
 * Proxmox VE freezes the file systems of a running guest whose agent answers, unless the memory is saved.
 */
import type { Indication, TakenAs } from '../model/observed.ts';

/** `guest-fsfreeze-freeze problems - …` is a warning: the snapshot is taken all the same. */
const FREEZE_FAILED = /fs-?freeze\b(?!-thaw).*(problem|fail|error|timeout|timed out)/i;
const NOT_FROZEN = /^skipping guest[- ](filesystem|agent)/i;
const FROZEN = /^issuing guest[- ]agent '?fs-?freeze/i;
const SAVED = /^completed saving the VM state in .*, saved ([\d.]+) MiB/;

/** @param running whether the guest runs, where the log does not show it */
export function takenAs(log: readonly string[], running: boolean): TakenAs {
  const has = (pattern: RegExp): boolean => log.some((line) => pattern.test(line));
  const saved = log.flatMap((line) => SAVED.exec(line)?.[1] ?? [])[0];
  const quiesced = quiescedAs(has);
  const online = running || saved !== undefined || quiesced !== undefined;
  return {
    indications: [...(online ? (['Online'] as const) : []), ...(quiesced === undefined ? [] : [quiesced])],
    savedMiB: saved === undefined ? undefined : Number(saved),
  };
}

/** `undefined`: nothing was said. A version that freezes without a word says no less than one that cannot. */
function quiescedAs(has: (pattern: RegExp) => boolean): Indication | undefined {
  if (has(FREEZE_FAILED)) return 'QuiesceFailed';
  if (has(NOT_FROZEN)) return 'NoGuestAgent';
  return has(FROZEN) ? 'GuestAgent' : undefined;
}
