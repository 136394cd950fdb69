import { z } from 'zod';
import { PveError, notImplemented } from './errors.ts';
import { faultSchema } from './fault-rules.ts';
import { describeWorld } from './state-view.ts';
import type { FaultInput } from './fault-rules.ts';
import type { OutsideWorld } from './outside-world.ts';
import type { World } from './world.ts';

export interface Admin {
  readonly world: () => World;
  readonly outside: OutsideWorld;
  /** Restores the initial state; with a description, switches to that cluster. */
  readonly reset: (cluster?: unknown) => Promise<void>;
}

const move = z.strictObject({ advance: z.number().nonnegative() });
const isFault = z.custom<FaultInput>((rule) => faultSchema.safeParse(rule).success);

const refusal = (text: string): PveError => new PveError(400, `${text}\n`);

function arm(world: World, rule: FaultInput): void {
  try {
    world.faults.add(rule);
  } catch (error) {
    throw refusal(error instanceof Error ? error.message : String(error));
  }
}

/** A rule for something that does not exist would have no effect, and a test would pass without testing anything. */
function targetMissing({ nodes, storage, guests }: World, fault: FaultInput): string | undefined {
  if ('node' in fault && fault.node !== undefined && !nodes.has(fault.node))
    return `there is no node "${fault.node}"`;
  if ('storage' in fault && !storage.storages.has(fault.storage))
    return `there is no storage "${fault.storage}"`;
  if ('vmid' in fault && fault.vmid !== undefined && !guests.has(fault.vmid))
    return `there is no guest ${fault.vmid}`;
  return undefined;
}

/** Adds all rules, or none if one of them is invalid. */
function addFaults(world: World, body: unknown): readonly FaultInput[] {
  const rules: unknown[] = Array.isArray(body) ? body : [body];
  for (const rule of rules) {
    const { error } = faultSchema.safeParse(rule);
    if (error) throw refusal(`${JSON.stringify(rule)} is not a fault rule: ${z.prettifyError(error)}`);
  }
  const faults = z.array(isFault).parse(rules);
  for (const fault of faults) {
    const absent = targetMissing(world, fault);
    if (absent !== undefined) throw refusal(`${JSON.stringify(fault)} would have no effect: ${absent}`);
  }
  for (const fault of faults) arm(world, fault);
  return world.faults.list();
}

async function moveClock({ clock }: World, body: unknown): Promise<object> {
  const { data, error } = move.safeParse(body);
  if (error) throw refusal(`write {"advance": MILLISECONDS}: ${z.prettifyError(error)}`);
  await clock.advance(data.advance);
  return { now: clock.now() };
}

const incidentSchema = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('quorum-lost') }),
  z.strictObject({ do: z.literal('quorum-back') }),
  z.strictObject({ do: z.literal('node-offline'), node: z.string() }),
  z.strictObject({ do: z.literal('node-back'), node: z.string() }),
  z.strictObject({ do: z.literal('guest-crash'), vmid: z.number().int() }),
]);

/** Something happens that no request can cause, in the words of the recordings. */
function happen({ world, outside }: Admin, body: unknown): null {
  const { data: incident, error } = incidentSchema.safeParse(body);
  if (error) throw refusal(z.prettifyError(error));
  const { faults } = world();
  switch (incident.do) {
    case 'quorum-lost':
      faults.add({ kind: 'noQuorum' });
      return null;
    case 'quorum-back':
      faults.endState({ kind: 'noQuorum' });
      return null;
    case 'node-offline':
      addFaults(world(), { kind: 'nodeOffline', node: incident.node });
      return null;
    case 'node-back':
      faults.endState({ kind: 'nodeOffline', node: incident.node });
      return null;
    case 'guest-crash':
      outside.crash(incident.vmid);
      return null;
  }
}

async function reset(admin: Admin, body: unknown): Promise<null> {
  try {
    await admin.reset(body);
  } catch (error) {
    throw refusal(error instanceof Error ? error.message : String(error));
  }
  return null;
}

/** Handles the fake's own requests, in addition to those of PVE. */
export async function administer(
  admin: Admin,
  method: string,
  path: string,
  body: unknown,
): Promise<unknown> {
  const world = admin.world();
  switch (`${method} ${path}`) {
    case 'POST /fakepve/reset':
      return reset(admin, body);
    case 'GET /fakepve/state':
      return describeWorld(world);
    case 'GET /fakepve/faults':
      return world.faults.list();
    case 'POST /fakepve/faults':
      return addFaults(world, body);
    case 'DELETE /fakepve/faults':
      world.faults.clear();
      return null;
    case 'POST /fakepve/outside':
      return happen(admin, body);
    case 'GET /fakepve/clock':
      return { now: world.clock.now() };
    case 'POST /fakepve/clock':
      return moveClock(world, body);
    default:
      throw notImplemented(method, path);
  }
}

/** The body of such a request; undefined if it is empty. */
export function readJson(text: string): unknown {
  try {
    return text.trim() === '' ? undefined : JSON.parse(text);
  } catch {
    throw refusal('the body is not JSON');
  }
}
