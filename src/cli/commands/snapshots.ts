/** `kubectl vm snapshots`. */
import { z } from 'zod';
import { kindOf } from '../cluster/kinds.ts';
import { conditionOf, isReady, part, textAt, valueAt, type Stored } from '../cluster/objects.ts';
import { CHANGE_OUTPUT, formatOf } from '../common-flags.ts';
import type { Command } from '../command.ts';
import { ageOf } from '../output/age.ts';
import { printList } from '../output/objects.ts';
import { columns } from '../output/text.ts';
import { treeLines, type TreeEntry } from '../output/tree.ts';
import { VM_KIND } from '../vm-change.ts';

const KIND = kindOf('VMSnapshot');

const Entries = z.array(
  z.object({
    name: z.string(),
    vmSnapshot: z.string().optional(),
    parent: z.string().optional(),
    creationTime: z.string().optional(),
    memory: z.boolean().optional(),
  }),
);
type Entry = z.output<typeof Entries>[number];

export const snapshots: Command = {
  name: 'snapshots',
  usage: 'VM [flags]',
  summary: 'Show the snapshots of a VM as a tree',
  about: [
    'All snapshots that the VM has in Proxmox VE are shown, at most 32, and VMSnapshots that are not complete. Those that have no VMSnapshot belong to somebody else. With `-o` the VMSnapshots are printed.',
  ],
  examples: [{ text: 'The snapshots of a VM', command: 'kubectl vm snapshots web' }],
  flags: [CHANGE_OUTPUT],
  args: { min: 1, max: 1 },
  completes: ['VirtualMachine'],
  async run(call) {
    const cluster = await call.cluster();
    const { namespace } = cluster;
    const [name = ''] = call.args;
    const vm = await cluster.get(VM_KIND, { namespace, name });
    const objects = (await cluster.list(KIND, { namespace })).filter(
      (object) => textAt(object, 'spec.vmRef.name') === name,
    );
    const format = formatOf(call);
    if (format !== undefined) call.terminal.out(printList(format, KIND, objects));
    else call.terminal.out(treeOf(vm, objects, call.terminal.clock.now()) || `No snapshots of ${name}.\n`);
    return 0;
  },
};

/** The tree as text; empty without snapshots. */
export function treeOf(vm: Stored, objects: readonly Stored[], now: Date): string {
  const entries = part(Entries, valueAt(vm, 'status.snapshots')) ?? [];
  const taken = new Set(entries.map(({ vmSnapshot }) => vmSnapshot));
  const toCome = objects.filter(({ metadata }) => !taken.has(metadata.name)).map(entryOf);
  const all: readonly (Entry & TreeEntry)[] = [...entries, ...toCome];
  if (all.length === 0) return '';
  const byName = new Map(objects.map((object) => [object.metadata.name, object]));
  return columns([
    ['SNAPSHOT', 'VMSNAPSHOT', 'READY', 'MEMORY', 'AGE'],
    ...treeLines(all).map(({ branch, entry }) => [
      `${branch}${entry.name}`,
      entry.vmSnapshot ?? '<none>',
      stateOf(entry, byName),
      entry.memory === undefined ? '<unknown>' : String(entry.memory),
      ageOf(entry.creationTime, now),
    ]),
  ]);
}

/** One that Proxmox VE does not list, or not yet. */
const entryOf = (object: Stored): Entry => ({
  name: textAt(object, 'status.snapshotName') ?? object.metadata.name,
  vmSnapshot: object.metadata.name,
  parent: textAt(object, 'status.parent'),
  creationTime: textAt(object, 'status.creationTime'),
  memory: part(z.boolean(), valueAt(object, 'status.memory')),
});

function stateOf({ vmSnapshot }: Entry, byName: ReadonlyMap<string, Stored>): string {
  const object = vmSnapshot === undefined ? undefined : byName.get(vmSnapshot);
  if (!object) return '<none>';
  return isReady(object) ? 'True' : (conditionOf(object, 'Ready')?.reason ?? 'Unknown');
}
