/** `kubectl vm plan`. */
import { z } from 'zod';
import { DRY_RUN } from '../../api/annotations.ts';
import { hasReason, KubeError } from '../../kube/errors.ts';
import { seconds, type Millis } from '../../lib/units.ts';
import { sleep } from '../../runtime/clock.ts';
import { warn } from '../changed.ts';
import type { At, Cluster } from '../cluster/cluster.ts';
import { conditionOf, isSeen, part, valueAt, type Stored } from '../cluster/objects.ts';
import { WAIT_FLAGS, DOCUMENT_OUTPUT, formatOf } from '../common-flags.ts';
import type { Call, Command } from '../command.ts';
import { CliError, faultText, LeftBehind } from '../failure.ts';
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
    `It sets the annotation \`${DRY_RUN}\`, waits for the plan and prints it. Afterwards the annotation is as it was before, also if you end the command. With \`--hold\` it stays: nothing is changed in Proxmox VE until \`kubectl vm plan NAME --release\`. So to see what an edit would do, hold the VM, edit it, plan again, and release it.`,
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

const annotate = (cluster: Cluster, at: At, value: string | null, limit?: Millis): Promise<Stored> =>
  cluster.patch(VM_KIND, at, { metadata: { annotations: { [DRY_RUN]: value } } }, limit ? { limit } : {});

async function planOf(call: Call, cluster: Cluster, at: At): Promise<readonly string[]> {
  const before = await cluster.get(VM_KIND, at);
  const value = before.metadata.annotations?.[DRY_RUN] ?? null;
  if (value === 'true') {
    const planned = await untilPlanned(call, cluster, at);
    if (!call.flags.is('hold')) warn(call, held(at));
    return planned;
  }
  if (lines(before) !== undefined) await untilForgotten(call, cluster, at);
  if (call.flags.is('hold')) {
    await annotate(cluster, at, 'true');
    return untilPlanned(call, cluster, at);
  }
  return call.terminal.finish(
    `removing the annotation ${DRY_RUN} of ${at.name}`,
    whileHeld(call, cluster, { at, value }),
  );
}

interface Before {
  readonly at: At;
  /** Of the annotation. */
  readonly value: string | null;
}

async function whileHeld(call: Call, cluster: Cluster, before: Before): Promise<readonly string[]> {
  const { at } = before;
  try {
    await annotate(cluster, at, 'true');
  } catch (error) {
    if (!isRefusal(error)) await putBack(call, cluster, before);
    throw error;
  }
  try {
    return await untilPlanned(call, cluster, at);
  } finally {
    await putBack(call, cluster, before);
  }
}

const held = ({ name }: At): string =>
  `${name} is held: it had the annotation ${DRY_RUN} before, and keeps it. Nothing is changed in Proxmox VE until kubectl vm plan ${name} --release.`;

/** Without an answer the request may have been carried out. */
const isRefusal = (error: unknown): boolean => error instanceof KubeError && error.status !== 0;

const TRIES = 3;
const ANSWER_WITHIN = seconds(10);

/** Bounded: the API server may be what the user has given up on. */
async function putBack({ terminal }: Call, cluster: Cluster, { at, value }: Before): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await annotate(cluster, at, value, ANSWER_WITHIN);
      return;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return;
      if (isRefusal(error) || tries === TRIES) throw leftBehind(at, error);
    }
    await sleep(terminal.clock, seconds(1), new AbortController().signal);
  }
}

const leftBehind = ({ namespace, name }: At, error: unknown): LeftBehind =>
  new LeftBehind(
    `the annotation ${DRY_RUN} of virtualmachines/${name} could not be removed (${faultText(error)}), and as long as it is there nothing is changed in Proxmox VE. Remove it with kubectl vm plan ${name} --release -n ${namespace}`,
  );

/** A plan without the annotation is of an earlier time: the operator removes it in its next pass. */
const untilForgotten = (call: Call, cluster: Cluster, at: At): Promise<Stored> =>
  waitFor(call, `virtualmachines/${at.name}`, async () => {
    const vm = await cluster.get(VM_KIND, at);
    return lines(vm) === undefined
      ? { state: 'done', object: vm }
      : { state: 'waiting', for: 'The operator has not removed an earlier plan yet.' };
  });

/** The operator plans in every pass that finds what the VM refers to. */
const PLANNED_WITHIN = seconds(10);

async function untilPlanned(call: Call, cluster: Cluster, at: At): Promise<readonly string[]> {
  const { clock } = call.terminal;
  const since = clock.monotonic();
  const planned = await waitFor(call, `virtualmachines/${at.name}`, async () => {
    const vm = await cluster.get(VM_KIND, at);
    if (isSeen(vm) && lines(vm) !== undefined) return { state: 'done', object: vm };
    const known = conditionOf(vm, 'Ready')?.message ?? 'It is being planned.';
    return cannotBePlanned(vm) && clock.monotonic() - since >= PLANNED_WITHIN
      ? { state: 'failed', why: `it cannot be planned. ${known}` }
      : { state: 'waiting', for: known };
  });
  return lines(planned) ?? [];
}

function cannotBePlanned(vm: Stored): boolean {
  const ready = conditionOf(vm, 'Ready');
  return isSeen(vm) && ready !== undefined && ready.status !== 'True' && ready.reason !== 'DryRun';
}

const lines = (vm: Stored): readonly string[] | undefined =>
  part(z.array(z.string()), valueAt(vm, 'status.plan'));

function printed(call: Call, steps: readonly string[]): string {
  const format = formatOf(call);
  if (format === 'json') return asJson(steps);
  if (format === 'yaml') return asYaml(steps);
  return steps.length === 0 ? 'No changes.\n' : steps.map((step) => `- ${line(step)}\n`).join('');
}
