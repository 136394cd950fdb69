/** How far a download is, from the log that wget writes for Proxmox VE (pve-common, PVE/Tools.pm: --progress=dot:giga). Pure. */

/** `  65536K ........ ........  7%  112M 8s` */
const LINE = /^\s*\d+K[ .]*\s(\d{1,3})%/;

/** Per cent; `undefined`: the log does not say, because the server does not say how large the file is. */
export function percentIn(log: readonly string[]): number | undefined {
  const found = log.map((line) => LINE.exec(line)?.[1]).findLast((each) => each !== undefined);
  return found === undefined ? undefined : Math.min(Number(found), 100);
}
