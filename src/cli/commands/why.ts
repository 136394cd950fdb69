/** `kubectl vm why`. */
import { DOCUMENT_OUTPUT, formatOf } from '../common-flags.ts';
import type { Command } from '../command.ts';
import { objectNamed } from '../names.ts';
import { asJson, asYaml } from '../output/objects.ts';
import { explain } from '../why/explain.ts';
import { gather } from '../why/gather.ts';
import { printExplanation } from '../why/print.ts';

const WIDTH = 100;

export const why: Command = {
  name: 'why',
  usage: '[KIND/]NAME [flags]',
  summary: 'Say why a VM is not ready, and what to do next',
  about: [
    'It prints what the operator says, what Proxmox VE said when a step failed, the conditions in the order of their importance, what the VM refers to and what is wrong with that, and the latest events. The next step is that of the runbook.',
    'It reads only objects of Kubernetes, with your rights.',
  ],
  examples: [
    { text: 'Of a VM', command: 'kubectl vm why web' },
    { text: 'Of another object', command: 'kubectl vm why provider/proxmox-prod' },
  ],
  flags: [DOCUMENT_OUTPUT],
  args: { min: 1, max: 1 },
  completes: ['VirtualMachine'],
  readsKinds: true,
  async run(call) {
    const { kind, name } = objectNamed(call.args[0] ?? '', 'VirtualMachine');
    const cluster = await call.cluster();
    const explanation = explain(await gather(cluster, kind, { namespace: cluster.namespace, name }));
    const { terminal } = call;
    const format = formatOf(call);
    if (format === 'json') terminal.out(asJson(explanation));
    else if (format === 'yaml') terminal.out(asYaml(explanation));
    else
      terminal.out(
        printExplanation(explanation, {
          colour: terminal.colour,
          now: terminal.clock.now(),
          width: WIDTH,
        }),
      );
    return 0;
  },
};
