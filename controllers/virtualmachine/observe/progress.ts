/**
 * Progress of a task that copies disks or memory, from the log that PVE writes meanwhile: the only file that
 * computes this slice of the process state. Pure.
 */
import type { Upid } from '../../../src/lib/units.ts';
import type { Task } from '../model/tasks.ts';
import type { Progress } from '../model/process-state.ts';

/** Tasks that copy; all others end soon. */
const COPIES: ReadonlySet<Task['type']> = new Set(['Clone', 'Migrate', 'MoveDisk']);

/** Most copies are linked clones, which take a second or two. */
const REPORTED_AFTER_MS = 5_000;
/** The log grows by a line a second, and is read as a whole. */
const READ_INTERVAL_MS = 10_000;

interface Copy {
  readonly upid: Upid;
  readonly type: Task['type'];
  readonly ageMs: number;
}

/** Whether the log should be read now. */
export const isLogDue = (last: Progress | undefined, { upid, type, ageMs }: Copy, now: number): boolean =>
  COPIES.has(type) &&
  ageMs >= REPORTED_AFTER_MS &&
  !(last?.upid === upid && now - last.at < READ_INTERVAL_MS);

/** @param log absent: it was not read in this pass */
export function progressAfter(
  last: Progress | undefined,
  { upid, type, ageMs }: Copy,
  { log, now }: { readonly log: readonly string[] | undefined; readonly now: number },
): Progress | undefined {
  if (!COPIES.has(type) || ageMs < REPORTED_AFTER_MS) return undefined;
  if (log) return { upid, at: now, text: progressIn(log) };
  return last?.upid === upid ? last : undefined;
}

/**
 * Lines of qemu-img, of the mirror of a disk and of a migration (qemu-server, QemuServer.pm, BlockJob.pm, QemuMigrate.pm):
 * `transferred 1.2 GiB of 32.0 GiB (3.75%)`, `drive-scsi0: transferred … of … (…) in 5s`,
 * `migration active, transferred 435.0 MiB of 4.0 GiB VM-state, 512.3 MiB/s`.
 */
const LINE =
  /^(?:(?<what>[\w-]+): |(?<memory>migration active, ))?transferred (?<done>[\d.]+ \w+) of (?<all>[\d.]+ \w+)/;

export function progressIn(lines: readonly string[]): string | undefined {
  const groups = lines.map((line) => LINE.exec(line)?.groups).findLast((found) => found !== undefined);
  if (!groups) return undefined;
  const { what, memory, done, all } = groups;
  const subject = memory === undefined ? what?.replace(/^(drive|mirror)-/, '') : 'memory';
  return `${subject === undefined ? '' : `${subject}: `}${done ?? ''} of ${all ?? ''}`;
}
