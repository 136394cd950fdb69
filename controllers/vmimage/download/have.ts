/** Puts together what a plan has to know of one Provider. Changes nothing. */
import type { VMImage } from '../../../src/api/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import type { View } from '../../../src/pve/index.ts';
import type { Pass } from '../../../src/runtime/controller.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { contentOf, isFile } from '../../shared/images/file-name.ts';
import type { UsersOf } from '../../shared/objects/in-use.ts';
import { isoPlaceFor, placeFor, targetFor, type Choice } from './choose.ts';
import type {
  DownloadEntry,
  Entries,
  FileSeen,
  GuestSeen,
  Have,
  TemplateEntry,
  TransferSeen,
  Want,
} from './model.ts';
import { seeFile, seeGuest } from './observe.ts';
import { mayUseIso } from './iso-use.ts';
import { leaving } from './removal.ts';
import type { Announced } from './requests.ts';
import { isSending, seeTransfer, transferKey, type TransferPorts } from './transfer.ts';

export interface Observing {
  readonly connection: Connection;
  readonly view: View;
  readonly choice: Choice;
  readonly mark: { readonly cluster: string; readonly uid: string };
  readonly pass: Pass<VMImage>;
}

export interface HavePorts extends TransferPorts {
  readonly usersOf: UsersOf;
  readonly announced: Announced;
}

type Source = Parameters<typeof seeFile>[1] & { readonly ports: HavePorts };

export async function haveOf(
  image: VMImage,
  want: Want,
  { connection, view, choice, mark, pass }: Observing,
  ports: HavePorts,
): Promise<Have> {
  const entries = entriesOf(image);
  const { downloads, templates } = pass.deleting ? leaving(image, entries) : entries;
  const { download, former } = filesOf(
    downloads.filter(({ provider }) => provider === want.provider),
    want.file,
  );
  const own = templates.filter(({ provider }) => provider === want.provider);
  const current = own.find(({ file }) => file === want.file);
  const now = pass.now.getTime();
  const source = { connection, view, options: { signal: pass.signal } };
  const transfer = seeTransfer(ports.transfers.see(transferKey(image, want.provider)));
  const guests = new Map<Vmid, GuestSeen>();
  for (const entry of own)
    if (!isSettled(entry, current, view))
      guests.set(entry.vmid, await seeGuest(entry, { ...source, mark, now }));
  return {
    download,
    current,
    old: own.filter((each) => each !== current),
    file: download && (await seeFileOf(image, download, { ...source, transfer, ports })),
    transfer,
    former: former && (await seeFormer(image, former, { ...source, ports })),
    guests,
    place: contentOf(want.file ?? '') === 'iso' ? isoPlaceFor(choice) : placeFor(choice),
    target: targetFor(choice, download?.node),
    isUnsent: (at) => ports.announced.has(image.metadata.uid, at),
    now,
  };
}

async function seeFileOf(
  image: VMImage,
  download: DownloadEntry,
  { transfer, ports, ...source }: Source & { readonly transfer: TransferSeen | undefined },
): Promise<FileSeen> {
  if (transfer?.state === 'queued' || transfer?.state === 'running') return NOT_YET;
  // Before the file: what ends in between has its task, or its file, then.
  const isBusy = isSending(image, download.provider, ports);
  const file = await seeFile(download, source);
  return { ...file, isBusy: file.isBusy || isBusy };
}

/** What may still be used is not looked for: it stays. */
async function seeFormer(
  { metadata: { namespace, name } }: VMImage,
  entry: DownloadEntry,
  { ports, ...source }: Source,
): Promise<Have['former']> {
  const isUsed = mayUseIso(ports.usersOf(namespace, name), entry.volume);
  return { entry, isUsed, file: isUsed ? undefined : await seeFile(entry, source) };
}

/** Nothing was sent completely, so there is nothing to be seen. */
const NOT_YET: FileSeen = { task: { state: 'none' }, isThere: false, isBusy: false };

export const entriesOf = ({ status }: VMImage): Entries => ({
  downloads: status?.downloads ?? [],
  templates: status?.templates ?? [],
});

/** @param file that the spec asks for; absent: all are to go, one after the other */
function filesOf(
  own: readonly DownloadEntry[],
  file: string | undefined,
): { readonly download: DownloadEntry | undefined; readonly former: DownloadEntry | undefined } {
  if (file === undefined) return { download: own[0], former: undefined };
  const isOld = ({ volume }: DownloadEntry): boolean => !isFile(volume, file);
  const isOldIso = (entry: DownloadEntry): boolean => isOld(entry) && contentOf(entry.volume) === 'iso';
  return {
    download: own.find((each) => !isOld(each)) ?? own.find((each) => !isOldIso(each)),
    former: own.find(isOldIso),
  };
}

/** The list of guests says enough of one that is ready. */
const isSettled = (entry: TemplateEntry, current: TemplateEntry | undefined, { guests }: View): boolean =>
  entry === current && entry.state === 'Ready' && guests.has(entry.vmid);
