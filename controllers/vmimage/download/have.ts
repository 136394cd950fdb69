/** Puts together what a plan has to know of one Provider. Changes nothing. */
import { MAX_FILES, MAX_TEMPLATES, type VMImage } from '../../../src/api/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import type { View } from '../../../src/pve/index.ts';
import type { Pass } from '../../../src/runtime/controller.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { contentOf, isFile } from '../../shared/images/file-name.ts';
import {
  isoPlaceFor,
  placeFor,
  targetFor,
  isReachedFrom,
  type Choice,
  type Problem,
} from '../../shared/placement/image-places.ts';
import type { UsersOf } from '../../shared/objects/in-use.ts';
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
import { isOf, type Site } from './sites.ts';
import { isSending, seeTransfer, transferKey, type TransferPorts } from './transfer.ts';

export interface Observing {
  readonly connection: Connection;
  readonly view: View;
  readonly choice: Choice;
  /** The part of the Provider that is looked at, and the others. */
  readonly site: Site;
  readonly others: readonly Site[];
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
  { connection, view, choice, site, others, mark, pass }: Observing,
  ports: HavePorts,
): Promise<Have> {
  const own = ownOf(image, want.provider, pass);
  const here = atSite(own, { site, file: want.file, view });
  const { current, download, former } = here;
  const now = pass.now.getTime();
  const source = { connection, view, options: { signal: pass.signal } };
  const transfer = download && seeTransfer(ports.transfers.see(transferKey(image, download)));
  const guests = new Map<Vmid, GuestSeen>();
  for (const entry of here.templates)
    if (!isSettled(entry, current, view))
      guests.set(entry.vmid, await seeGuest(entry, { ...source, mark, now }));
  const full = tooMany(entriesOf(image));
  const waiting = others.map((each) => atSite(own, { site: each, file: want.file, view }));
  return {
    download,
    current,
    old: here.templates.filter((each) => each !== current),
    isFileNeeded: waiting.some((each) => !each.isMade && each.download === download),
    areOthersMade: waiting.every((each) => each.isMade),
    isMadeElsewhere: own.templates.some((each) => isOf(each, want.file) && each.state === 'Ready'),
    file: download && (await seeFileOf(image, download, { ...source, transfer, ports })),
    transfer,
    former: former && (await seeFormer(image, former, { ...source, ports })),
    guests,
    place: full ?? (contentOf(want.file ?? '') === 'iso' ? isoPlaceFor(choice) : placeFor(choice, site.node)),
    target: full ?? targetFor(choice, site.node ?? download?.node),
    isUnsent: (entry) => ports.announced.has(image.metadata.uid, entry),
    now,
  };
}

/** Status has a limit, beyond which the API server refuses all of it. */
const tooMany = ({ downloads, templates }: Entries): Problem | undefined =>
  downloads.length < MAX_FILES && templates.length < MAX_TEMPLATES
    ? undefined
    : {
        reason: 'TooManyTemplates',
        message: `The VMImage has ${templates.length} templates and ${downloads.length} files, and may have ${MAX_TEMPLATES} and ${MAX_FILES}. Remove the VMs that keep old templates, put templates on shared storage (spec.template.storages), or create another VMImage for some of the Providers.`,
      };

/** What the image has of a Provider, as far as it is to be looked after. */
export function ownOf(image: VMImage, of: string, { deleting }: Pick<Pass<VMImage>, 'deleting'>): Entries {
  const entries = entriesOf(image);
  const { downloads, templates } = deleting ? leaving(image, entries) : entries;
  return {
    downloads: downloads.filter(({ provider }) => provider === of),
    templates: templates.filter(({ provider }) => provider === of),
  };
}

interface AtSite extends ReturnType<typeof filesOf> {
  readonly templates: readonly TemplateEntry[];
  readonly current: TemplateEntry | undefined;
  /** Nothing has to be made there any more. */
  readonly isMade: boolean;
}

/** A file on shared storage is that of all nodes which are to make a template of it. */
function atSite(
  own: Entries,
  {
    site: { node, isWanted },
    file,
    view,
  }: { readonly site: Site; readonly file: string | undefined; readonly view: View },
): AtSite {
  const isHere = (entry: { readonly node: string }): boolean => node === undefined || entry.node === node;
  const templates = own.templates.filter(isHere);
  const current = templates.find((each) => isOf(each, file));
  const isMade = current ? current.state === 'Ready' : !isWanted;
  const here = filesOf(own.downloads.filter(isHere), file);
  const shared =
    node === undefined || isMade || file === undefined
      ? undefined
      : own.downloads.find(
          (each) =>
            isFile(each.volume, file) && isReachedFrom(node, { ...each, storages: [each.storage] }, view),
        );
  return { ...here, ...(shared && { download: shared }), templates, current, isMade };
}

async function seeFileOf(
  image: VMImage,
  download: DownloadEntry,
  { transfer, ports, ...source }: Source & { readonly transfer: TransferSeen | undefined },
): Promise<FileSeen> {
  if (transfer?.state === 'queued' || transfer?.state === 'running') return NOT_YET;
  // Before the file: what ends in between has its task, or its file, then.
  const isBusy = isSending(image, download, ports);
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
  entry === current && entry.state === 'Ready' && guests.get(entry.vmid)?.node === entry.node;
