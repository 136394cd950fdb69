export type RequestState = 'started' | 'stopped' | 'disabled' | 'ignored';

export interface HaResource {
  readonly sid: string;
  readonly vmid: number;
  state: RequestState;
  comment: string | undefined;
  maxRestart: number | undefined;
  maxRelocate: number | undefined;
  failback: boolean | undefined;
  /** What the manager says of it; absent until it took notice. */
  service: string | undefined;
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

/** What HA is asked to look after. */
export class Ha {
  readonly resources = new Map<string, HaResource>();
  readonly rules = new Map<string, HaRule>();

  managed(vmid: number): HaResource | undefined {
    return this.resources.get(`vm:${vmid}`);
  }
}

/** `enabled` is an old word for `started`. */
export const requestState = (state: string): RequestState =>
  state === 'enabled' ? 'started' : (state as RequestState);

export const normalSid = (sid: string): string => (/^\d+$/.test(sid) ? `vm:${sid}` : sid);
