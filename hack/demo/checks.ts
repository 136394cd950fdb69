/** `make demo ONCE=1`: checks the guests while they run and after their deletion. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Guest } from '../../test/fakepve/guest.ts';
import type { Cast } from './cast.ts';
import { vmsOf } from './watch.ts';

type Say = (line: string) => void;

function expect(condition: boolean, claim: string, say: Say): void {
  if (!condition) throw new Error(`check failed: ${claim}`);
  say(`  ok  ${claim}`);
}

/** The guests with an owner mark. */
const ours = ({ fake }: Cast): readonly Guest[] =>
  [...fake.state.guests.values()].filter(({ config }) =>
    (config.get('description') ?? '').includes('virtrigaud: '),
  );

export async function checkThere(cast: Cast, say: Say): Promise<void> {
  say('\nChecking');
  const vms = await vmsOf(cast.plane);
  const guests = ours(cast);
  expect(
    guests.length === vms.length,
    `there is one guest for each of the ${vms.length} VirtualMachines`,
    say,
  );
  const web = guests.find(({ config }) => config.get('name') === 'web-server');
  expect(web?.get('vcpus') === '2' && web.get('memory') === '4096', 'web-server has 2 CPUs and 4 GiB', say);
  expect(/size=40G/.test(web?.get('scsi0') ?? ''), 'the root disk of web-server was grown to 40 GiB', say);
  expect(
    cast.fake.state.storage.arrivals.some(({ name }) => name.includes(`virtrigaud-${web?.vmid ?? 0}-`)),
    'the user-data of web-server was uploaded as an image',
    say,
  );
  const multi = vms.find(({ metadata }) => metadata.name === 'multi-nic-vm');
  expect(
    multi?.status.ipAddresses.includes('192.168.1.100') === true,
    'multi-nic-vm reports its static address',
    say,
  );
  const snapshots = await cast.plane.kubectl([
    'wait',
    'vmsnapshot',
    '--all',
    '--for=condition=Ready',
    '--timeout=30s',
  ]);
  expect(snapshots.code === 0 && web?.snapshots.size === 1, 'there is one snapshot of web-server', say);
  const clones = await cast.plane.kubectl([
    ...['wait', 'vmclone', '--all', '--for=condition=Ready', '--timeout=30s'],
  ]);
  expect(clones.code === 0, 'every VMClone has made its copy', say);
  const providers = await cast.plane.kubectl([
    'wait',
    'provider',
    '--all',
    '--for=condition=Ready',
    '--timeout=30s',
  ]);
  expect(providers.code === 0, 'every Provider is Ready', say);
}

export async function checkGone(cast: Cast, say: Say): Promise<void> {
  say('\nDeleting');
  const kinds = 'vm,vmsnapshotschedule,vmsnapshot,vmclone,vmplacementpolicy,vmimage,vmclass,provider';
  const { code, stderr } = await cast.plane.kubectl(['delete', kinds, '--all', '--timeout=120s']);
  if (code !== 0) throw new Error(`kubectl delete failed: ${stderr}`);
  for (let tries = 0; tries < 40 && ours(cast).length > 0; tries += 1) await sleep(250);
  expect(ours(cast).length === 0, 'no guest with an owner mark is left in Proxmox VE', say);
  const { nodes, storage } = cast.fake.state;
  const images = [...storage.storages.values()].flatMap((each) =>
    [...nodes.keys()].flatMap((node) =>
      storage.list(each, node).filter(({ name }) => name.includes('virtrigaud-')),
    ),
  );
  expect(images.length === 0, 'no cloud-init image is left in Proxmox VE', say);
}
