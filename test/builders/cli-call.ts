/** The plugins of kubectl over a cluster in memory, with a clock that runs when something waits. */
import { COMMANDS } from '../../src/cli/commands.ts';
import type { Cluster } from '../../src/cli/cluster/cluster.ts';
import type { CliKind } from '../../src/cli/cluster/kinds.ts';
import { Stored } from '../../src/cli/cluster/objects.ts';
import { GLOBAL_FLAGS } from '../../src/cli/common-flags.ts';
import { readFlags } from '../../src/cli/flags.ts';
import { namesIn } from '../../src/cli/names.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { KubeError } from '../../src/kube/errors.ts';
import { millis } from '../../src/lib/units.ts';

export const NAMESPACE = 'team-a';
const START = Date.parse('2026-03-01T12:00:00Z');

export const stored = (kind: string, name: string, rest: object = {}): Stored =>
  Stored.parse({ kind, metadata: { name, namespace: NAMESPACE, uid: `uid-${name}` }, ...rest });

export const ready = (status: object = {}) => ({
  observedGeneration: 1,
  conditions: [{ type: 'Ready', status: 'True', reason: 'Reconciled', message: '' }],
  ...status,
});

export interface Write {
  readonly kind: string;
  readonly name: string;
  readonly body: object;
}

export interface World {
  readonly objects: Stored[];
  readonly writes: Write[];
  readonly out: () => string;
  readonly err: () => string;
  readonly ran: (readonly string[])[];
  /** What was put back. */
  readonly finished: string[];
  /** Runs `kubectl vm …`; rejects as the command does. */
  readonly call: (...words: readonly string[]) => Promise<number>;
}

export interface WorldOptions {
  readonly terminal?: boolean;
  /** What the operator does while something waits. */
  readonly meanwhile?: (world: World) => void;
  readonly interrupted?: AbortSignal;
  /** What the API server makes of an object that was patched. */
  readonly patched?: (object: Stored) => Stored;
  /** The answer to the nth patch, from 1 on, is lost with this error, or it is refused; what is lost was carried out. */
  readonly answer?: (patches: number) => KubeError | undefined;
}

export function cliWorld(objects: readonly Stored[], options: WorldOptions = {}): World {
  let now = START;
  const printed = { out: '', err: '' };
  const terminal: Terminal = {
    out: (text) => void (printed.out += text),
    err: (text) => void (printed.err += text),
    colour: options.terminal ?? false,
    progress: options.terminal ?? false,
    platform: 'linux',
    interrupted: options.interrupted ?? new AbortController().signal,
    clock: {
      now: () => new Date(now),
      monotonic: () => millis(now - START),
      after(delay, run) {
        now += delay;
        options.meanwhile?.(world);
        queueMicrotask(run);
        return () => undefined;
      },
    },
    finish(what, work) {
      world.finished.push(what);
      return work;
    },
    run(program, args) {
      world.ran.push([program, ...args]);
      return Promise.resolve(0);
    },
  };
  const world: World = {
    objects: [...objects],
    writes: [],
    ran: [],
    finished: [],
    out: () => printed.out,
    err: () => printed.err,
    async call(name = '', ...words) {
      const command = COMMANDS.find((each) => each.name === name);
      if (!command) throw new Error(`there is no command ${name}`);
      const read = readFlags(words, [...command.flags, ...GLOBAL_FLAGS]);
      if ('problem' in read) throw new Error(read.problem);
      const args = namesIn(command, read.value.args);
      return command.run({
        ...read.value,
        args,
        terminal,
        cluster: () => Promise.resolve(inMemory(world, options)),
      });
    },
  };
  return world;
}

function inMemory(
  { objects, writes }: World,
  { patched = (object) => object, answer }: WorldOptions,
): Cluster {
  let patches = 0;
  const isAt = (kind: CliKind, name: string) => (object: Stored) =>
    object.kind === kind.kind && object.metadata.name === name;
  const get = (kind: CliKind, name: string): Stored => {
    const found = objects.find(isAt(kind, name));
    if (found) return structuredClone(found);
    const message = `${kind.resource.plural}.${kind.resource.group} "${name}" not found`;
    throw new KubeError({ status: 404, reason: 'NotFound', message });
  };
  return {
    namespace: NAMESPACE,
    get: async (kind, { name }) => Promise.resolve(get(kind, name)),
    list: (kind) => Promise.resolve(objects.filter((object) => object.kind === kind.kind)),
    table: async (kind, { name }) => {
      const found =
        name === undefined ? objects.filter((each) => each.kind === kind.kind) : [get(kind, name)];
      const rows = found.map(({ metadata }) => ({
        cells: [metadata.name],
        object: { metadata: { name: metadata.name, namespace: NAMESPACE } },
      }));
      return Promise.resolve({ columnDefinitions: [{ name: 'Name', priority: 0 }], rows });
    },
    create(kind, namespace, object) {
      const created = Stored.parse(object);
      writes.push({ kind: kind.kind, name: created.metadata.name, body: object });
      objects.push(created);
      return Promise.resolve(created);
    },
    async patch(kind, { name }, body) {
      const before = get(kind, name);
      patches += 1;
      const error = answer?.(patches);
      if (error && error.status !== 0) throw error;
      writes.push({ kind: kind.kind, name, body });
      const after = patched(Stored.parse(merged(before, body)));
      objects[objects.findIndex(isAt(kind, name))] = after;
      if (error) throw error;
      return Promise.resolve(after);
    },
    version: () => Promise.resolve('v1.36.3'),
  };
}

/** As a merge patch does. */
function merged(value: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(value) ? { ...value } : {};
  for (const [key, change] of Object.entries(patch))
    if (change === null) Reflect.deleteProperty(result, key);
    else result[key] = merged(result[key], change);
  return result;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
