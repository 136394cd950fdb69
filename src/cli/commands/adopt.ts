/** `kubectl vm adopt`. */
import { z } from 'zod';
import { ADOPT_VMS } from '../../api/annotations.ts';
import { API_VERSION } from '../../api/group.ts';
import { ifReadable, type Cluster } from '../cluster/cluster.ts';
import { kindOf } from '../cluster/kinds.ts';
import { part, valueAt } from '../cluster/objects.ts';
import { warn } from '../changed.ts';
import { DOCUMENT_OUTPUT, formatOf } from '../common-flags.ts';
import type { Call, Command } from '../command.ts';
import { CliError } from '../failure.ts';
import { checkedNamespace, nameOfKind } from '../names.ts';
import { asJson, asYaml } from '../output/objects.ts';

const Discovered = z.array(
  z.object({ vmid: z.number(), name: z.string().optional(), powerState: z.string().optional() }),
);
type Discovered = z.output<typeof Discovered>[number];

export const adopt: Command = {
  name: 'adopt',
  usage: 'VMID --provider=PROVIDER --class=CLASS [flags]',
  summary: 'Print the manifest that adopts a VM of Proxmox VE',
  about: [
    'It changes nothing. The manifest has `managementPolicy: ObserveOnly`, so that the operator only reports what it would change. Edit it until the condition Synced is True, then remove `managementPolicy`.',
    `With the annotation \`${ADOPT_VMS}\` on the Provider its status lists VMs that can be adopted; the name and power state of the VM are taken from there.`,
  ],
  examples: [
    {
      text: 'Adopt the VM 105',
      command: 'kubectl vm adopt 105 --provider=proxmox-prod --class=small | kubectl apply -f -',
    },
  ],
  flags: [
    { name: 'provider', value: '[NAMESPACE/]NAME', meaning: 'Provider of the VM (required)' },
    { name: 'class', value: 'NAME', meaning: 'VMClass that the VM gets (required)' },
    { name: 'name', value: 'NAME', meaning: 'name of the VirtualMachine; absent: that of the VM' },
    DOCUMENT_OUTPUT,
  ],
  args: { min: 1, max: 1 },
  async run(call) {
    const { flags, args, terminal } = call;
    const vmid = vmidOf(args[0] ?? '');
    const missing = ['provider', 'class'].filter((name) => (flags.text(name) ?? '') === '');
    if (missing.length > 0)
      throw new CliError(`required flag(s) ${missing.map((name) => `"${name}"`).join(', ')} not set`);
    const cluster = await call.cluster();
    const provider = providerOf(call, cluster);
    const found = (await discovered(cluster, provider)).find((vm) => vm.vmid === vmid);
    if (!found)
      warn(
        call,
        `status.discovered of the Provider ${provider.name} does not list the VM ${vmid}. It lists at most 64, and none without the annotation ${ADOPT_VMS}.`,
      );
    const manifest = manifestOf(call, { vmid, provider, found, namespace: cluster.namespace });
    terminal.out(formatOf(call) === 'json' ? asJson(manifest) : asYaml(manifest));
    return 0;
  },
};

function vmidOf(text: string): number {
  if (!/^[1-9][0-9]{2,8}$/.test(text))
    throw new CliError(`invalid VMID "${text}": a number from 100 to 999999999`);
  return Number(text);
}

interface Reference {
  readonly namespace: string;
  readonly name: string;
}

function providerOf({ flags }: Call, { namespace }: Cluster): Reference {
  const text = flags.text('provider') ?? '';
  const slash = text.indexOf('/');
  const name = nameOfKind(text.slice(slash + 1), 'Provider');
  return { namespace: slash < 0 ? namespace : checkedNamespace(text.slice(0, slash)), name };
}

async function discovered(cluster: Cluster, provider: Reference): Promise<readonly Discovered[]> {
  const object = await ifReadable(cluster.get(kindOf('Provider'), provider));
  return part(Discovered, valueAt(object, 'status.discovered.vms')) ?? [];
}

interface Adoption {
  readonly vmid: number;
  readonly provider: Reference;
  readonly found: Discovered | undefined;
  readonly namespace: string;
}

function manifestOf({ flags }: Call, { vmid, provider, found, namespace }: Adoption): object {
  return {
    apiVersion: API_VERSION,
    kind: 'VirtualMachine',
    metadata: { name: flags.text('name') ?? objectName(found?.name) ?? `vm-${vmid}`, namespace },
    spec: {
      providerRef:
        provider.namespace === namespace
          ? { name: provider.name }
          : { name: provider.name, namespace: provider.namespace },
      classRef: { name: flags.text('class') },
      ...(found?.powerState === 'Off' && { powerState: 'Off' }),
      adopt: { vmid },
      managementPolicy: 'ObserveOnly',
    },
  };
}

/** A name of Proxmox VE as one of Kubernetes; `undefined` if nothing of it can be used. */
export function objectName(name: string | undefined): string | undefined {
  const usable = (name ?? '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '');
  return usable === '' ? undefined : usable;
}
