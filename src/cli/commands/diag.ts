/** `kubectl vm diag`. */
import { ifReadable, type Cluster } from '../cluster/cluster.ts';
import { DEPLOYMENT_KIND } from '../cluster/kinds.ts';
import { DOCUMENT_OUTPUT, formatOf } from '../common-flags.ts';
import type { Command } from '../command.ts';
import { bundleOf, type Versions } from '../diag/bundle.ts';
import { asJson, asYaml } from '../output/objects.ts';
import { gather } from '../why/gather.ts';

/** deploy/kustomize/base. */
const OPERATOR = {
  namespace: 'virtrigaud-system',
  labelSelector: 'app.kubernetes.io/name=virtrigaud-proxmox',
};

export const diag: Command = {
  name: 'diag',
  usage: 'NAME [flags]',
  summary: 'Print what a bug report about a VM needs, without secrets',
  about: [
    'It prints versions, the VM and what it refers to, their conditions, and events. User data, network data, hooks, probes, environment variables, descriptions, and every other text of a spec that is no name, size or choice are removed, also where a message quotes them. Secrets are not read. Names and addresses stay: look at the file before you send it.',
  ],
  examples: [{ text: 'Into a file', command: 'kubectl vm diag web > web.yaml' }],
  flags: [DOCUMENT_OUTPUT],
  args: { min: 1, max: 1 },
  completes: ['VirtualMachine'],
  async run(call) {
    const cluster = await call.cluster();
    const at = { namespace: cluster.namespace, name: call.args[0] ?? '' };
    const [facts, versions] = await Promise.all([gather(cluster, 'VirtualMachine', at), versionsOf(cluster)]);
    const bundle = bundleOf(facts, versions);
    call.terminal.out(formatOf(call) === 'json' ? asJson(bundle) : asYaml(bundle));
    return 0;
  },
};

async function versionsOf(cluster: Cluster): Promise<Versions> {
  const [kubernetes, operators] = await Promise.all([
    ifReadable(cluster.version()),
    ifReadable(cluster.list(DEPLOYMENT_KIND, OPERATOR)),
  ]);
  return { kubernetes: kubernetes ?? 'not readable', operators: operators ?? [] };
}
