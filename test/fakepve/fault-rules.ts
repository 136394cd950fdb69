import { z } from 'zod';

const pattern = z.string().transform((text, context) => {
  try {
    return new RegExp(text);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : 'no regular expression');
    return z.NEVER;
  }
});

const matching = {
  /** GET, POST, PUT or DELETE; absent: any. */
  method: z.string().toUpperCase().optional(),
  /** A regular expression on the path after /api2/json; absent: any. */
  path: pattern.optional(),
  /** How often the fault occurs; absent: always. */
  times: z.number().int().positive().optional(),
  /** How many matching requests pass before the fault occurs. */
  after: z.number().int().nonnegative().default(0),
};

const kind = <T extends string>(name: T) => ({ kind: z.literal(name) });
/** A fault of single requests. */
const rule = <T extends z.core.$ZodShape>(shape: T) => z.strictObject({ ...matching, ...shape });
/** A fault that is in effect until all faults are cleared. */
const state = z.strictObject;

const status = { code: z.number().int().min(200).max(599), reason: z.string() };
const locks = [
  'backup',
  'clone',
  'create',
  'migrate',
  'rollback',
  'snapshot',
  'snapshot-delete',
  'suspended',
  'suspending',
] as const;

const requestFaults = [
  /** Replies with this status; the request is not carried out. */
  rule({ ...kind('status'), ...status, message: z.string().optional() }),
  /** Delays the request. */
  rule({ ...kind('delay'), ms: z.number().nonnegative() }),
  /** Closes the connection; the request is not carried out. */
  rule({ ...kind('reset-before') }),
  /** Carries out the request, then closes the connection without a reply. */
  rule({ ...kind('reset-after-effect') }),
  /** Carries out the request, then replies 200 with an empty body. */
  rule({ ...kind('empty') }),
  /** Carries out the request, then replies with this status, like a proxy that timed out (for example 596). */
  rule({ ...kind('status-after-effect'), ...status }),
  /** The task that the request starts ends with this status; `late`: after its work is done. */
  rule({ ...kind('taskFail'), exitstatus: z.string(), late: z.boolean().default(false) }),
  rule({ ...kind('taskWarn'), text: z.string().default('something is not quite right') }),
  /** The task does not end until it is aborted. */
  rule({ ...kind('taskHang') }),
] as const;

const stateFaults = [
  /** The node does not answer: 595. */
  state({ ...kind('nodeOffline'), node: z.string() }),
  /** /etc/pve is read-only: every change is refused. */
  state({ ...kind('noQuorum') }),
  state({ ...kind('storageFull'), storage: z.string() }),
  /** The storage neither takes snapshots, nor deletes them, nor rolls back to them. */
  state({ ...kind('snapshotsFail'), storage: z.string() }),
  /** The agent of that guest, or of every guest, answers, but cannot freeze file systems. */
  state({ ...kind('freezeFails'), vmid: z.number().int().optional() }),
  /** The lock file of the guest is held; with `lock`, its configuration is locked instead. */
  state({ ...kind('lockHeld'), vmid: z.number().int(), lock: z.enum(locks).optional() }),
  /** The agent of that guest, or of every guest, does not answer. */
  state({ ...kind('agentSilent'), vmid: z.number().int().optional() }),
  /** The clock of that node, or of every node, is ahead by this time; negative: behind. */
  state({ ...kind('clockSkew'), ms: z.number().int(), node: z.string().optional() }),
] as const;

const requestFault = z.discriminatedUnion('kind', requestFaults);
const stateFault = z.discriminatedUnion('kind', stateFaults);
export const faultSchema = z.discriminatedUnion('kind', [requestFault, stateFault]);

export type RequestFault = z.output<typeof requestFault>;
export type StateFault = z.output<typeof stateFault>;
export type LockHeld = Extract<StateFault, { kind: 'lockHeld' }>;
export type Fault = RequestFault | StateFault;
export type FaultInput = z.input<typeof faultSchema>;

const stateKinds = new Set<string>(stateFaults.map(({ shape }) => shape.kind.value));

export const isState = (fault: Fault): fault is StateFault => stateKinds.has(fault.kind);
