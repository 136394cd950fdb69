/** Why a task failed, where only its log says so. Pure. */

/** Exit statuses without a reason (qemu-server, QemuMigrate.pm; pve-common, RESTEnvironment.pm and Tools.pm). */
const VAGUE =
  /^(migration (aborted|problems)|job errors|unexpected status|command '.*' failed: exit code \d+)$/s;

export const isVague = (exit: string): boolean => VAGUE.test(exit.trim());

/** PVE and the programs that it runs begin a line of this sort with its time, or with their own name. */
const STAMP = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} /;
const REASON =
  /^(ERROR: |can't |cannot |unable to |failed to )|: error |: (could not|failed|cannot) | failed: /i;
/** It repeats the reason, after what the exit status says. */
const SUMMARY = /^(TASK ERROR: |ERROR: migration (aborted|finished with problems))/;

const MAX_REASONS = 3;
const MAX_LENGTH = 200;

/** The exit status with the reasons of the log. */
export function withLogReason(exit: string, log: readonly string[]): string {
  const lines = log.map((line) => line.replace(STAMP, '').trim());
  const found = lines.filter((line) => REASON.test(line) && !SUMMARY.test(line));
  const reasons = [...new Set(found.map((line) => line.replace(/^ERROR: /, '').slice(0, MAX_LENGTH)))].slice(
    -MAX_REASONS,
  );
  return reasons.length === 0 ? exit : `${exit}: ${reasons.join('; ')}`;
}
