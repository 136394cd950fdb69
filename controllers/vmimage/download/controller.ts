/**
 * VMImage that is downloaded: observe → plan → perform, for each Provider that needs a template. One step a pass; what
 * is in the way of one Provider does not stop another.
 */
import type { Provider, VMImage, VMImageStatus } from '../../../src/api/index.ts';
import { seconds, type Vmid } from '../../../src/lib/units.ts';
import type { View } from '../../../src/pve/index.ts';
import type { Pass, Readable, ReconcileResult } from '../../../src/runtime/controller.ts';
import { released, waiting, type Outcome } from '../../../src/runtime/outcome.ts';
import { isOneCluster, type Connection, type Connections } from '../../shared/cluster/connections.ts';
import { outcomeOf } from '../../shared/errors/outcome-of.ts';
import { grantOf, type Grant } from '../../shared/grants/grants.ts';
import { demandsFor, type Demand, type DemandPorts } from '../../shared/images/demand.ts';
import { contentOf, fileNameOf } from '../../shared/images/file-name.ts';
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
import { perform } from './perform.ts';
import { asOne } from './one-cluster.ts';
import { plan } from './plan.ts';
import { keepsTemplates, leaving, leftBehind } from './removal.ts';
import { dropTransfers, isSending, seeTransfer, transferKey, type TransferPorts } from './transfer.ts';
import { wayOf } from '../../shared/images/way.ts';
import { createAnnounced } from './requests.ts';
import {
  AGAIN,
  SOON,
  refused,
  poolOf,
  gone,
  notConnected,
  noQuorum,
  NO_VMID,
  ON_DEMAND,
  stepTaken,
  firstOf,
  outcomeOfPlan,
  statusOf,
} from './words.ts';

export interface DownloadPorts extends DemandPorts, TransferPorts {
  readonly connections: Connections;
  /** Of the Kubernetes cluster. */
  readonly clusterId: string;
}

const LEAVING_AGAIN = seconds(10);

type Result = ReconcileResult<VMImageStatus>;

interface Turn {
  readonly outcome: Outcome;
  readonly entries: Entries;
  readonly isStep: boolean;
}

export interface Downloads {
  reconcile(image: VMImage, pass: Pass<VMImage>): Promise<Result>;
  /** Removes what was made for an image that nobody uses and that is being deleted. */
  remove(image: VMImage, pass: Pass<VMImage>): Promise<Result>;
}

export function createDownloads(ports: DownloadPorts): Downloads {
  const announced = createAnnounced();

  async function reconcile(image: VMImage, pass: Pass<VMImage>): Promise<Result> {
    dropTransfers(image, ports, (key) => key.endsWith(` ${image.metadata.generation}`));
    const demands = demandsFor(image, ports);
    const eager = (image.spec.download?.providerRefs ?? []).map(
      ({ namespace = image.metadata.namespace, name }) => `${namespace}/${name}`,
    );
    const needed = new Set([...eager, ...demands.map(({ provider }) => keyOf(provider))]);
    return inTurn(image, pass, asOne({ needed, demands }, sharingOf(image)));
  }

  async function remove(image: VMImage, pass: Pass<VMImage>): Promise<Result> {
    dropTransfers(image, ports);
    const all = entriesOf(image);
    const { downloads, templates } = leaving(image, all);
    if (downloads.length === 0 && templates.length === 0) {
      announced.forget(image.metadata.uid);
      return { outcome: released, status: image.status ?? {}, ...leftBehind(all) };
    }
    // Their guests may be linked clones, without which no template can be destroyed.
    const users = ports.usersOf(image.metadata.namespace, image.metadata.name);
    if (!keepsTemplates(image) && users.some(({ status }) => status?.vmid !== undefined))
      return {
        outcome: waiting(
          'CleaningUp',
          'The templates are destroyed once the VirtualMachines that are being deleted are gone.',
          LEAVING_AGAIN,
        ),
        status: image.status ?? {},
      };
    const result = await inTurn(image, pass, { needed: new Set(), demands: [] });
    return result.outcome.kind === 'settled' ? { ...result, outcome: released, ...leftBehind(all) } : result;
  }

  function sharingOf(image: VMImage): Parameters<typeof asOne>[1] {
    const { downloads, templates } = entriesOf(image);
    return {
      known: [...downloads, ...templates].map(({ provider }) => provider),
      isUsable(provider) {
        const object = providerOf(provider);
        const grant = object && grantOf(object, image.metadata.namespace, ports.namespaces);
        return connectionOf(provider) !== undefined && refused(image, provider, grant) === undefined;
      },
      isOneCluster(a, b) {
        const [one, other] = [connectionOf(a), connectionOf(b)];
        return one !== undefined && other !== undefined && isOneCluster(one, other);
      },
    };
  }

  /** One Provider after the other until one step is taken; of what is in the way, the first is reported. */
  async function inTurn(
    image: VMImage,
    pass: Pass<VMImage>,
    { needed, demands }: { readonly needed: ReadonlySet<string>; readonly demands: readonly Demand[] },
  ): Promise<Result> {
    const entries = entriesOf(image);
    const outcomes: Outcome[] = [];
    const isIdle = needed.size === 0 && entries.downloads.length === 0 && entries.templates.length === 0;
    if (isIdle) return { outcome: ON_DEMAND, status: statusOf(image, entries) };
    const known = [...entries.downloads, ...entries.templates].map(({ provider }) => provider);
    for (const provider of [...new Set([...needed, ...known])].toSorted()) {
      const turn = await attempt(image, pass, {
        provider,
        isWanted: needed.has(provider),
        demands: demands.filter((each) => keyOf(each.provider) === provider),
      });
      if (turn.isStep) return { outcome: turn.outcome, status: statusOf(image, turn.entries) };
      outcomes.push(turn.outcome);
    }
    return { outcome: firstOf(outcomes), status: statusOf(image, entries) };
  }

  /** What fails for one Provider is reported, unless it is no error of Proxmox VE. */
  async function attempt(image: VMImage, pass: Pass<VMImage>, about: About): Promise<Turn> {
    try {
      return await turnOf(image, pass, about);
    } catch (error) {
      const outcome = outcomeOf(error);
      if (!outcome) throw error;
      return { outcome, entries: entriesOf(image), isStep: false };
    }
  }

  async function turnOf(image: VMImage, pass: Pass<VMImage>, about: About): Promise<Turn> {
    const { provider } = about;
    const object = providerOf(provider);
    if (!object) return stay(image, gone(provider, pass.deleting));
    const connection = connectionOf(provider);
    const view = connection && freshView(connection);
    if (!view) return stay(image, notConnected(provider));
    const grant = grantOf(object, image.metadata.namespace, ports.namespaces);
    const problem = pass.deleting || !about.isWanted ? undefined : refused(image, provider, grant);
    if (problem) return stay(image, waiting(problem.reason, problem.message, AGAIN));
    if (view.quorate === 'no') return stay(image, noQuorum(provider));
    return step(image, pass, { about, connection, view, grant });
  }

  async function step(
    image: VMImage,
    pass: Pass<VMImage>,
    { about, connection, view, grant }: Reached,
  ): Promise<Turn> {
    const { provider, demands } = about;
    const want = wantOf(image, about, pass);
    const { namespace, name, uid } = image.metadata;
    const mark = { cluster: ports.clusterId, namespace, name, uid };
    const choice = choiceOf(image, { connection, view, grant, demands });
    const have = await observe(image, want, { connection, view, choice, mark, pass });
    const next = plan(want, have);
    if (next.kind !== 'act') return stay(image, outcomeOfPlan(next));
    const fresh = await pass.reread();
    if (fresh?.metadata.resourceVersion !== image.metadata.resourceVersion)
      return stay(image, waiting('ChangedMeanwhile', 'The VMImage was changed meanwhile.', SOON));
    pass.log.info({ step: next.step.do, provider }, 'step');
    const range = grant?.vmIdRange ?? connection.defaults.vmIdRange;
    const after = await perform(next.step, entriesOf(image), {
      image,
      provider,
      connection,
      mark,
      pool: poolOf(connection, grant),
      reserve: () => connection.vmids.reserve(connection.pve, view, range),
      announced,
      transfers: ports,
      now: pass.now,
      options: { signal: pass.signal },
    });
    if (!after) return stay(image, NO_VMID);
    return { outcome: stepTaken(provider, want, have), entries: after, isStep: true };
  }

  async function observe(
    image: VMImage,
    want: Want,
    { connection, view, choice, mark, pass }: Observing,
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
      file: download && (await seeFileOf(image, download, { ...source, transfer })),
      transfer,
      former: former && (await seeFormer(image, former, source)),
      guests,
      place: contentOf(want.file ?? '') === 'iso' ? isoPlaceFor(choice) : placeFor(choice),
      target: targetFor(choice, download?.node),
      isUnsent: (at) => announced.has(image.metadata.uid, at),
      now,
    };
  }

  async function seeFileOf(
    image: VMImage,
    download: DownloadEntry,
    { transfer, ...source }: Parameters<typeof seeFile>[1] & { readonly transfer: TransferSeen | undefined },
  ): Promise<FileSeen> {
    if (transfer?.state === 'queued' || transfer?.state === 'running') return NOT_YET;
    // Before the file: what ends in between has its task, or its file, then.
    const isBusy = isSending(image, download.provider, ports);
    const file = await seeFile(download, source);
    return { ...file, isBusy: file.isBusy || isBusy };
  }

  /** What a drive has is not looked for: it stays. */
  async function seeFormer(
    { metadata: { namespace, name } }: VMImage,
    entry: DownloadEntry,
    source: Parameters<typeof seeFile>[1],
  ): Promise<Have['former']> {
    const isUsed = ports
      .usersOf(namespace, name)
      .some(({ status }) => status?.cdroms?.some(({ volume }) => volume === entry.volume) ?? false);
    return { entry, isUsed, file: isUsed ? undefined : await seeFile(entry, source) };
  }

  const connectionOf = (key: string): Connection | undefined => {
    const [namespace = '', name = ''] = key.split('/');
    return ports.connections.get(namespace, name);
  };

  const providerOf = (key: string): Readable<Provider> | undefined => {
    const [namespace = '', name = ''] = key.split('/');
    return ports.providers.partial(namespace, name);
  };

  return { reconcile, remove };
}

interface About {
  /** `namespace/name` */
  readonly provider: string;
  readonly isWanted: boolean;
  readonly demands: readonly Demand[];
}

interface Reached {
  readonly about: About;
  readonly connection: Connection;
  readonly view: View;
  readonly grant: Grant | undefined;
}

const stay = (image: VMImage, outcome: Outcome): Turn => ({
  outcome,
  entries: entriesOf(image),
  isStep: false,
});

interface Observing {
  readonly connection: Connection;
  readonly view: View;
  readonly choice: Choice;
  readonly mark: { readonly cluster: string; readonly uid: string };
  readonly pass: Pass<VMImage>;
}

/** Nothing was sent completely, so there is nothing to be seen. */
const NOT_YET: FileSeen = { task: { state: 'none' }, isThere: false, isBusy: false };

const keyOf = ({ namespace, name }: Demand['provider']): string => `${namespace}/${name}`;

const entriesOf = ({ status }: VMImage): Entries => ({
  downloads: status?.downloads ?? [],
  templates: status?.templates ?? [],
});

/** @param file that the spec asks for; absent: all are to go, one after the other */
function filesOf(
  own: readonly DownloadEntry[],
  file: string | undefined,
): { readonly download: DownloadEntry | undefined; readonly former: DownloadEntry | undefined } {
  if (file === undefined) return { download: own[0], former: undefined };
  const isOld = ({ volume }: DownloadEntry): boolean => !volume.endsWith(`/${file}`);
  const isOldIso = (entry: DownloadEntry): boolean => isOld(entry) && contentOf(entry.volume) === 'iso';
  return {
    download: own.find((each) => !isOld(each)) ?? own.find((each) => !isOldIso(each)),
    former: own.find(isOldIso),
  };
}

/** The list of guests says enough of one that is ready. */
const isSettled = (entry: TemplateEntry, current: TemplateEntry | undefined, { guests }: View): boolean =>
  entry === current && entry.state === 'Ready' && guests.has(entry.vmid);

function wantOf(image: VMImage, { provider, isWanted }: About, { deleting }: Pass<VMImage>): Want {
  const { download } = image.spec;
  const { uid, generation } = image.metadata;
  const file = deleting || !download ? undefined : fileNameOf(uid, provider, download);
  const via = download ? wayOf(download).via : 'ProxmoxVE';
  return { provider, isWanted, via, file, generation };
}

const choiceOf = (
  { spec }: VMImage,
  {
    connection,
    view,
    grant,
    demands,
  }: {
    readonly connection: Connection;
    readonly view: View;
    readonly grant: Grant | undefined;
    readonly demands: readonly Demand[];
  },
): Choice => ({
  spec,
  view,
  grant: grant ?? {},
  nodeSelector: connection.nodeSelector,
  defaultStorage: connection.defaults.storage,
  demands,
});

/** What was read while its server answers. */
function freshView({ inventory }: Connection): View | undefined {
  const view = inventory.view();
  return view?.staleSince === undefined ? view : undefined;
}
