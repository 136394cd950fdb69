/** The name of a PVE task says where it runs, since when, what it does and for whom. */
import { nodeName, type NodeName } from '../lib/units.ts';

export interface TaskName {
  readonly node: NodeName;
  readonly pid: number;
  /** Milliseconds since the epoch, by the clock of the node. */
  readonly startedAt: number;
  /** For example `qmclone`. */
  readonly type: string;
  /** What it works on: mostly a VMID. A clone bears the VMID of its source. */
  readonly id: string;
  /** `user@realm` or `user@realm!token`. */
  readonly user: string;
}

// From pve-common, PVE/UPID.pm.
const UPID =
  /^UPID:(?<node>[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?):(?<pid>[0-9A-Fa-f]{8}):[0-9A-Fa-f]{8,9}:(?<start>[0-9A-Fa-f]{8}):(?<type>[^:\s/]+):(?<id>[^:\s/]*):(?<user>[^:\s/]+):$/;

/** `undefined` if the text is no UPID. */
export function parseUpid(text: string): TaskName | undefined {
  const parts = UPID.exec(text)?.groups;
  if (!parts) return undefined;
  const { node = '', pid = '', start = '', type = '', id = '', user = '' } = parts;
  return {
    node: nodeName(node),
    pid: Number.parseInt(pid, 16),
    startedAt: Number.parseInt(start, 16) * 1000,
    type,
    id,
    user,
  };
}
