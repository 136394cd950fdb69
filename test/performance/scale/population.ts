/**
 * Puts VMs that an operator has settled: objects with status, and marked guests in the fake. The operator makes one VM
 * for each Provider; the others are copies of that one, each with its own uid, VMID, MAC and address.
 */
import { z } from 'zod';
import { leasedAddress } from '../../fakepve/guest-network.ts';
import type { FakePve } from '../../fakepve/index.ts';
import type { KubeApi } from '../../integration/harness/kube-api.ts';

export interface Site {
  readonly provider: string;
  readonly fake: FakePve;
  readonly nodes: readonly string[];
}

export const GROUP = '/apis/infra.virtrigaud.io/v1beta1/namespaces/default';
const FIRST_VMID = 1000;
const AT_ONCE = 16;

const Vm = z.looseObject({
  metadata: z.looseObject({ name: z.string(), uid: z.string(), finalizers: z.array(z.string()).default([]) }),
  spec: z.looseObject({}),
  status: z.looseObject({ vmid: z.number(), node: z.string() }),
});
export type Vm = z.output<typeof Vm>;

export const manifest = (kind: string, name: string, spec: object, metadata: object = {}) => ({
  apiVersion: 'infra.virtrigaud.io/v1beta1',
  kind,
  metadata: { name, ...metadata },
  spec,
});

export async function readVm(api: KubeApi, name: string): Promise<Vm | undefined> {
  const text = await api.get(`${GROUP}/virtualmachines/${name}`);
  return text === undefined ? undefined : Vm.safeParse(JSON.parse(text)).data;
}

const MAC = /BC:24:11(?::[0-9A-F]{2}){3}/i;
const macOf = (at: number): string =>
  `BC:24:${[0x12 + ((at >> 24) & 0x3f), (at >> 16) & 255, (at >> 8) & 255, at & 255]
    .map((byte) => byte.toString(16).padStart(2, '0').toUpperCase())
    .join(':')}`;

interface Copy {
  readonly name: string;
  readonly vmid: number;
  readonly node: string;
  readonly mac: string;
}

const addressOf = (mac: string): string => leasedAddress(mac).split('/')[0] ?? '';

/** What is the original's own is the copy's own, wherever it is written. */
function asCopy(text: string, seed: Vm, uid: string, { name, vmid, node, mac }: Copy): string {
  const { metadata, status } = seed;
  const seedMac = MAC.exec(text)?.[0] ?? 'no MAC';
  return (
    text
      // A copy in the fake is based on nothing.
      .replaceAll(/base-\d+-disk-\d+\//g, '')
      .replaceAll(metadata.uid, uid)
      .replaceAll(metadata.name, name)
      .replaceAll(new RegExp(`\\bvm-${status.vmid}-`, 'g'), `vm-${vmid}-`)
      .replaceAll(new RegExp(`(vmid"?[=:])${status.vmid}\\b`, 'g'), `$1${vmid}`)
      // Not in the list of nodes that identifies the cluster.
      .replaceAll(new RegExp(`(?<![/,])${status.node}\\b`, 'g'), node)
      .replaceAll(seedMac, mac)
      .replaceAll(addressOf(seedMac), addressOf(mac))
  );
}

const AN_HOUR_MS = 3_600_000;

/** For a while after a boot the agent is asked for addresses that come late. */
function startLongAgo({ fake }: Site, vmid: number): void {
  fake.outside.start(vmid);
  const { running } = fake.state.guests.get(vmid) ?? {};
  const since = fake.clock.now() - AN_HOUR_MS;
  if (running) Object.assign(running, { since, bootedAt: since });
}

async function putOne(api: KubeApi, site: Site, seed: Vm, copy: Copy): Promise<void> {
  const path = `${GROUP}/virtualmachines/${copy.name}`;
  const { finalizers } = seed.metadata;
  await api.apply(path, manifest('VirtualMachine', copy.name, seed.spec, { finalizers }));
  const made = z
    .object({ metadata: z.object({ uid: z.string() }) })
    .parse(JSON.parse((await api.get(path)) ?? '{}'));
  const { uid } = made.metadata;
  const original = site.fake.state.guests.get(seed.status.vmid);
  if (!original) throw new Error(`the guest of ${seed.metadata.name} is gone`);
  site.fake.outside.copy(original.vmid, copy.vmid, 'clone');
  const own = [...original.config].filter(([key]) => /^(name|description|smbios1|net0|meta)$/.test(key));
  const options = own.map(([key, value]) => [key, asCopy(value, seed, uid, copy)] as const);
  site.fake.outside.edit(copy.vmid, Object.fromEntries(options));
  site.fake.outside.migrate(copy.vmid, copy.node);
  startLongAgo(site, copy.vmid);
  const status: unknown = JSON.parse(asCopy(JSON.stringify(seed.status), seed, uid, copy));
  await api.patch(`${path}/status`, { status });
}

/** @param seeds the VM that the operator has made with each Provider */
export async function populate(
  api: KubeApi,
  sites: readonly (Site & { readonly seed: Vm })[],
  { count, say }: { readonly count: number; readonly say: (line: string) => void },
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      const site = sites[at % sites.length];
      if (!site) return;
      const inSite = Math.floor(at / sites.length);
      const node = site.nodes[inSite % site.nodes.length] ?? '';
      const copy = { name: `vm-${at}`, vmid: FIRST_VMID + inSite, node, mac: macOf(at) };
      await putOne(api, site, site.seed, copy);
      if (at > 0 && at % 1000 === 0) say(`${at} of ${count} VMs`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
