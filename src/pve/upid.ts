/** Parses UPIDs: the ID of a PVE task contains its node, start time, type, object and user. */
import { nodeName, type NodeName } from '../lib/units.ts';

export interface TaskName {
  readonly node: NodeName;
  readonly pid: number;
  /** Milliseconds since the epoch, according to the node's clock. */
  readonly startedAt: number;
  /** For example `qmclone`. */
  readonly type: string;
  /** The object, usually a VMID. For a clone it is the VMID of the source. */
  readonly id: string;
  /** `user@realm` or `user@realm!token`. */
  readonly user: string;
}

// From pve-common, PVE/UPID.pm.
const UPID =
  /^UPID:(?<node>[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?):(?<pid>[0-9A-Fa-f]{8}):[0-9A-Fa-f]{8,9}:(?<start>[0-9A-Fa-f]{8}):(?<type>[^:\s/]+):(?<id>[^:\s/]*):(?<user>[^:\s/]+):$/;

/** `undefined` if the text is not a UPID. */
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
