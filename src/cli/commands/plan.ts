/** `kubectl vm plan`. */
import { z } from 'zod';
import { DRY_RUN } from '../../api/annotations.ts';
import type { At, Cluster } from '../cluster/cluster.ts';
import { conditionOf, isSeen, part, valueAt, type Stored } from '../cluster/objects.ts';
import { WAIT_FLAGS, DOCUMENT_OUTPUT, formatOf } from '../common-flags.ts';
import type { Call, Command } from '../command.ts';
import { CliError } from '../failure.ts';
import { asJson, asYaml } from '../output/objects.ts';
import { line } from '../output/text.ts';
import { VM_KIND } from '../vm-change.ts';
import { waitFor } from '../waiting.ts';

const TIMEOUT = WAIT_FLAGS.filter(({ name }) => name === 'timeout');

export const plan: Command = {
  name: 'plan',
  usage: 'NAME [flags]',
  summary: 'Show what the operator would do with a VM',
  about: [
    `It sets the annotation \`${DRY_RUN}\`, waits for the plan and prints it. Afterwards the annotation is as it was before. With \`--hold\` it stays: nothing is changed in Proxmox VE until \`kubectl vm plan NAME --release\`. So to see what an edit would do, hold the VM, edit it, plan again, and release it.`,
  ],
  examples: [
    { text: 'What would be done now', command: 'kubectl vm plan web' },
    { text: 'Hold the VM, so that edits are only planned', command: 'kubectl vm plan web --hold' },
    { text: 'Carry out what was planned', command: 'kubectl vm plan web --release' },
  ],
  flags: [
    { name: 'hold', meaning: 'leave the annotation: the VM is only planned from now on' },
    { name: 'release', meaning: 'remove the annotation: what is planned is carried out' },
    ...TIMEOUT,
    DOCUMENT_OUTPUT,
  ],
  args: { min: 1, max: 1 },
  completes: ['VirtualMachine'],
  async run(call) {
    const { flags, args, terminal } = call;
    const [name = ''] = args;
    if (flags.is('hold') && flags.is('release'))
      throw new CliError('--hold and --release cannot be used together');
    const cluster = await call.cluster();
    const at = { namespace: cluster.namespace, name };
    if (flags.is('release')) {
      await annotate(cluster, at, null);
      terminal.out(`virtualmachine.infra.virtrigaud.io/${name} released\n`);
      return 0;
    }
    terminal.out(printed(call, await planOf(call, cluster, at)));
    return 0;
  },
};

const annotate = (cluster: Cluster, at: At, value: string | null): Promise<Stored> =>
  cluster.patch(VM_KIND, at, { metadata: { annotations: { [DRY_RUN]: value } } });

async function planOf(call: Call, cluster: Cluster, at: At): Promise<readonly string[]> {
  const before = (await cluster.get(VM_KIND, at)).metadata.annotations?.[DRY_RUN] ?? null;
  if (before !== 'true') await annotate(cluster, at, 'true');
  try {
    const planned = await waitFor(call, `virtualmachines/${at.name}`, async () => {
      const vm = await cluster.get(VM_KIND, at);
      return isSeen(vm) && lines(vm) !== undefined
        ? { state: 'done', object: vm }
        : { state: 'waiting', for: conditionOf(vm, 'Ready')?.message ?? 'It is being planned.' };
    });
    return lines(planned) ?? [];
  } finally {
    if (before !== 'true' && !call.flags.is('hold')) await annotate(cluster, at, before);
  }
}

const lines = (vm: Stored): readonly string[] | undefined =>
  part(z.array(z.string()), valueAt(vm, 'status.plan'));

function printed(call: Call, steps: readonly string[]): string {
  const format = formatOf(call);
  if (format === 'json') return asJson(steps);
  if (format === 'yaml') return asYaml(steps);
  return steps.length === 0 ? 'No changes.\n' : steps.map((step) => `- ${line(step)}\n`).join('');
}
