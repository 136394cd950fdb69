/** How far a task has come that copies disks or memory, from the log that PVE writes while it does. */
import { PveError, type CallOptions, type Pve, type Task as PveTask } from '../../../src/pve/index.ts';
import type { NodeName, Upid } from '../../../src/lib/units.ts';
import type { ProcessState } from '../model/process-state.ts';
import type { Task } from '../model/tasks.ts';

/** Tasks that copy; all others are over soon. */
const COPIES: ReadonlySet<Task['type']> = new Set(['Clone', 'Migrate', 'MoveDisk']);

/** Most copies are linked clones, which take a second or two. */
const WORTH_TELLING_MS = 5_000;
/** The log grows by a line a second, and is read as a whole. */
const LOOK_EVERY_MS = 10_000;

export async function readProgress(
  { upid, type, ageMs }: { readonly upid: Upid; readonly type: Task['type']; readonly ageMs: number },
  {
    pve,
    node,
    processState,
    now,
  }: {
    readonly pve: Pve;
    readonly node: NodeName;
    readonly processState: ProcessState;
    readonly now: number;
  },
  options: CallOptions,
): Promise<string | undefined> {
  if (!COPIES.has(type) || ageMs < WORTH_TELLING_MS) return undefined;
  const last = processState.progress?.upid === upid ? processState.progress : undefined;
  if (last && now - last.at < LOOK_EVERY_MS) return last.text;
  const text = progressIn(await logOf(pve.node(node).task(upid), options));
  processState.progress = { upid, at: now, text };
  return text;
}

const LAST_LINES = 200;

/** That it cannot be read is no reason not to go on. */
async function logOf(task: PveTask, options: CallOptions): Promise<readonly string[]> {
  try {
    return await task.log(LAST_LINES, options);
  } catch (error) {
    if (error instanceof PveError) return [];
    throw error;
  }
}

/**
 * Lines of qemu-img, of the mirror of a disk and of a migration (qemu-server, QemuServer.pm, BlockJob.pm, QemuMigrate.pm):
 * `transferred 1.2 GiB of 32.0 GiB (3.75%)`, `drive-scsi0: transferred … of … (…) in 5s`,
 * `migration active, transferred 435.0 MiB of 4.0 GiB VM-state, 512.3 MiB/s`. Pure.
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
