/** A fake Proxmox VE for one test, and what its state says about what is ours. */
import type { Guest } from '../../fakepve/guest.ts';
import { type FakePve, type FakePveOptions, quick, startFakePve } from '../../fakepve/index.ts';
import { readIso } from '../../fakepve/iso9660.ts';
import type { LoggedRequest } from '../../fakepve/request-log.ts';
import type { Volume } from '../../fakepve/storage.ts';
import { requestsFile } from './requests.ts';

export type { FakePve, Guest };

/** The demo cluster, ten times as fast as a real one; its requests are logged for the request check. */
export function startPve(options: FakePveOptions = {}): Promise<FakePve> {
  const file = requestsFile();
  return startFakePve({ latency: quick, ...(file !== undefined && { requestsFile: file }), ...options });
}

/** The guests that carry a mark of ours. */
export const ownGuests = ({ state }: FakePve): readonly Guest[] =>
  [...state.guests.values()].filter((guest) => (guest.get('description') ?? '').includes('virtrigaud: '));

/** The one guest of ours with that name. */
export const guestNamed = (pve: FakePve, name: string): Guest => {
  const found = ownGuests(pve).filter((guest) => guest.get('name') === name);
  if (found.length !== 1) throw new Error(`Proxmox VE has ${found.length} guests of ours named ${name}`);
  return found[0]!;
};

/** Every volume on every storage, each once. */
export function volumes({ state: { storage, nodes } }: FakePve): readonly Volume[] {
  const all = [...storage.storages.values()].flatMap((each) =>
    (each.shared ? [[...nodes.keys()][0]!] : [...nodes.keys()]).flatMap((node) => storage.list(each, node)),
  );
  return [...new Set(all)];
}

/** The cloud-init images that we uploaded. */
export const images = (pve: FakePve): readonly Volume[] =>
  volumes(pve).filter(({ name }) => name.includes('virtrigaud-'));

/** Disks whose guest does not exist. */
export const orphans = (pve: FakePve): readonly string[] =>
  volumes(pve).flatMap(({ vmid, volid }) =>
    vmid === undefined || pve.state.guests.has(vmid) ? [] : [volid],
  );

/** The files of the image that the guest was given last, as text: it is deleted when it has served. */
export function seedFiles(pve: FakePve, guest: Guest): Readonly<Record<string, string>> {
  const volume = pve.state.storage.arrivals.findLast(({ name }) =>
    name.includes(`virtrigaud-${guest.vmid}-`),
  );
  if (!volume?.data) throw new Error(`the guest ${guest.vmid} was given no image`);
  return Object.fromEntries([...readIso(volume.data)].map(([name, bytes]) => [name, bytes.toString('utf8')]));
}

/** The requests that meant to change something. */
export const changes = ({ requests }: Pick<FakePve, 'requests'>): readonly LoggedRequest[] =>
  requests.filter(({ method, path }) => method !== 'GET' && path !== '/access/ticket');

export const cloneRequests = (pve: FakePve): readonly LoggedRequest[] =>
  changes(pve).filter(({ path }) => path.endsWith('/clone'));

/** Tasks of a type that ended well. */
export const tasksDone = ({ state }: FakePve, type: string): number =>
  state.tasks.list().filter((task) => task.type === type && task.exitstatus === 'OK').length;

/** Tasks that failed, with what Proxmox VE said. */
export const failedTasks = ({ state }: FakePve): readonly string[] =>
  state.tasks
    .list()
    .flatMap(({ type, exitstatus }) =>
      exitstatus === undefined || exitstatus === 'OK' ? [] : [`${type}: ${exitstatus}`],
    );
