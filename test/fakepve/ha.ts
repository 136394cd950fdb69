export type RequestState = 'started' | 'stopped' | 'disabled' | 'ignored';

export interface HaResource {
  readonly sid: string;
  readonly vmid: number;
  state: RequestState;
  comment: string | undefined;
  maxRestart: number | undefined;
  maxRelocate: number | undefined;
  failback: boolean | undefined;
  /** Before PVE 9. */
  group?: string | undefined;
  /** The state reported by the manager; absent until it has processed the resource. */
  service: string | undefined;
}

/** What rules replaced in PVE 9: the nodes for a resource. */
export interface HaGroup {
  readonly group: string;
  readonly options: Map<string, string>;
}

export interface HaRule {
  readonly rule: string;
  readonly options: Map<string, string>;
}

export const haResource = (vmid: number, state: RequestState): HaResource => ({
  sid: `vm:${vmid}`,
  vmid,
  state,
  comment: undefined,
  maxRestart: undefined,
  maxRelocate: undefined,
  failback: undefined,
  service: undefined,
});

/** Modes of a node in the HA manager (pve-ha-manager, PVE::HA::NodeStatus). */
export type NodeMode = 'online' | 'maintenance' | 'unknown' | 'fence' | 'gone';

/** The HA resources, the rules or groups, and what the manager makes of the nodes. */
export class Ha {
  readonly resources = new Map<string, HaResource>();
  readonly rules = new Map<string, HaRule>();
  readonly groups = new Map<string, HaGroup>();
  /** Modes of nodes in the manager, which lists none before HA is used. */
  readonly modes = new Map<string, NodeMode>();

  managed(vmid: number): HaResource | undefined {
    return this.resources.get(`vm:${vmid}`);
  }
}

/** `enabled` is a legacy alias of `started`. */
export const requestState = (state: string): RequestState =>
  state === 'enabled' ? 'started' : (state as RequestState);

export const normalSid = (sid: string): string => (/^\d+$/.test(sid) ? `vm:${sid}` : sid);

/** The digest of a request is not that of the file. */
export const MODIFIED = 'detected modified configuration - file changed by other user? Try again.';
