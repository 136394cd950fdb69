/** Draws what happens next. Pure but for the random numbers, which follow from the seed. */
import type { Random } from '../fakepve/random.ts';
import { VALUES, type Edited, type Values } from './values.ts';
import type { KubeObject } from './world.ts';

export type Action =
  | {
      readonly do: 'set';
      readonly kind: Edited;
      readonly name: string;
      readonly field: string;
      readonly value: unknown;
    }
  | { readonly do: 'restart'; readonly name: string }
  | { readonly do: 'delete'; readonly kind: string; readonly name: string }
  | { readonly do: 'recreate'; readonly name: string }
  | { readonly do: 'snapshot'; readonly name: string; readonly of: string; readonly includeMemory: boolean }
  | { readonly do: 'revert'; readonly name: string; readonly of: string }
  | {
      readonly do: 'clone';
      readonly name: string;
      readonly of: string;
      readonly target: Readonly<Record<string, unknown>>;
    };

const pick = <T>(random: Random, of: readonly T[]): T | undefined => of[random.integer(0, of.length - 1)];
const chance = (random: Random, percent: number): boolean => random.integer(1, 100) <= percent;

/** VMs have most of the fields, and everything that can be lost. */
const WEIGHTS: readonly (readonly [Edited, number])[] = [
  ['VirtualMachine', 70],
  ['VMClass', 12],
  ['VMPlacementPolicy', 6],
  ['VMSnapshot', 4],
  ['VMSnapshotSchedule', 3],
  ['Provider', 3],
  ['VMImage', 2],
];

function drawKind(random: Random): Edited {
  let left = random.integer(
    1,
    WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0),
  );
  for (const [kind, weight] of WEIGHTS) {
    left -= weight;
    if (left <= 0) return kind;
  }
  return 'VirtualMachine';
}

/** What is required cannot be removed; the schema would refuse it, and nothing would be tried. */
const REQUIRED = new Set(['classRef', 'cpus', 'memory', 'schedule', 'selector', 'source']);

function drawEdit(random: Random, objects: readonly KubeObject[]): Action | undefined {
  const kind = drawKind(random);
  const one = pick(
    random,
    objects.filter((each) => each.kind === kind && each.metadata.name !== 'iso'),
  );
  const values: Values = VALUES[kind];
  const field = pick(random, Object.keys(values));
  if (!one || field === undefined) return undefined;
  const isRemoved = !REQUIRED.has(field) && chance(random, 20);
  const value = isRemoved ? null : pick(random, values[field] ?? []);
  return { do: 'set', kind, name: one.metadata.name, field, value };
}

/** `serial`: a number that no action has had, for names. */
export function drawAction(
  random: Random,
  objects: readonly KubeObject[],
  serial: number,
): Action | undefined {
  const present = objects.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const vm = pick(
    random,
    present.filter(({ kind }) => kind === 'VirtualMachine'),
  )?.metadata.name;
  const snapshot = pick(
    random,
    present.filter(({ kind }) => kind === 'VMSnapshot'),
  );
  const turn = random.integer(1, 100);
  if (turn <= 72 || vm === undefined) return drawEdit(random, present);
  if (turn <= 78) return { do: 'restart', name: vm };
  if (turn <= 84) return { do: 'recreate', name: vm };
  if (turn <= 90)
    return { do: 'snapshot', name: `snapshot-${serial}`, of: vm, includeMemory: chance(random, 40) };
  if (turn <= 93) {
    const target =
      pick(random, [{}, { powerState: 'Off' }, { classRef: { name: 'class-b' }, tags: ['copy'] }]) ?? {};
    return { do: 'clone', name: `copy-${serial}`, of: vm, target };
  }
  if (!snapshot) return undefined;
  const { name } = snapshot.metadata;
  const { vmRef } = snapshot.spec as { vmRef: { name: string } };
  return turn <= 97 ? { do: 'revert', name, of: vmRef.name } : { do: 'delete', kind: 'VMSnapshot', name };
}

/** A field below a field is a patch within a patch. */
export const patchOf = (field: string, value: unknown): Readonly<Record<string, unknown>> => ({
  spec: field.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value),
});

export function sentence(action: Action): string {
  switch (action.do) {
    case 'set':
      return `${action.kind} ${action.name}: ${action.field} = ${JSON.stringify(action.value)}`;
    case 'delete':
      return `delete ${action.kind} ${action.name}`;
    case 'snapshot':
      return `snapshot ${action.name} of ${action.of}${action.includeMemory ? ' with memory' : ''}`;
    case 'revert':
      return `revert ${action.of} to ${action.name}`;
    case 'clone':
      return `clone ${action.of} as ${action.name} with ${JSON.stringify(action.target)}`;
    case 'restart':
    case 'recreate':
      return `${action.do} ${action.name}`;
  }
}
