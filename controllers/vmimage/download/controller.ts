/**
 * VMImage that is downloaded: observe → plan → perform, for each Provider that needs a template. One step a pass; what
 * is in the way of one Provider does not stop another.
 */
import type { Provider, VMImage, VMImageStatus } from '../../../src/api/index.ts';
import { seconds } from '../../../src/lib/units.ts';
import type { View } from '../../../src/pve/index.ts';
import type { Pass, Readable, ReconcileResult } from '../../../src/runtime/controller.ts';
import { released, settled, waiting, type Outcome } from '../../../src/runtime/outcome.ts';
import { isOneCluster, type Connection, type Connections } from '../../shared/cluster/connections.ts';
import { outcomeOf } from '../../shared/errors/outcome-of.ts';
import { grantOf, type Grant } from '../../shared/grants/grants.ts';
import { demandsFor, type Demand, type DemandPorts } from '../../shared/images/demand.ts';
import { fileNameOf } from '../../shared/images/file-name.ts';
import type { Choice } from '../../shared/placement/image-places.ts';
import type { Entries, Want } from './model.ts';
import { eventsOf } from './events.ts';
import { perform } from './perform.ts';
import { asOne } from './one-cluster.ts';
import { entriesOf, haveOf, ownOf } from './have.ts';
import { plan } from './plan.ts';
import { keepsTemplates, leaving, leftBehind } from './removal.ts';
import { isOf, sitesOf, type Site } from './sites.ts';
import { dropTransfers, type TransferPorts } from './transfer.ts';
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
      const about = {
        provider,
        isWanted: needed.has(provider) || keepsReplicas(image, provider),
        demands: demands.filter((each) => keyOf(each.provider) === provider),
      };
      const turn = await attempt(image, () => turnOf(image, pass, about));
      if (turn.isStep)
        return {
          outcome: turn.outcome,
          status: statusOf(image, turn.entries),
          events: eventsOf(entries, turn.entries),
        };
      outcomes.push(turn.outcome);
    }
    const outcome = watched(image, firstOf(outcomes));
    return { outcome, status: statusOf(image, entries) };
  }

  /** What fails for one Provider or node is reported, unless it is no error of Proxmox VE. */
  async function attempt(image: VMImage, run: () => Promise<Turn>): Promise<Turn> {
    try {
      return await run();
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
    return atSites(image, pass, { about, connection, view, grant });
  }

  /** One node after the other until one step is taken. */
  async function atSites(image: VMImage, pass: Pass<VMImage>, reached: Reached): Promise<Turn> {
    const { about } = reached;
    const { file } = wantOf(image, about, pass);
    const sites = sitesOf(choiceOf(image, reached), ownOf(image, about.provider, pass), {
      file,
      isNeeded: about.isWanted,
    });
    const outcomes: Outcome[] = [];
    for (const site of sites) {
      const others = sites.filter((each) => each !== site);
      const turn = await attempt(image, () => step(image, pass, { ...reached, site, others }));
      if (turn.isStep) return turn;
      outcomes.push(turn.outcome);
    }
    return stay(image, firstOf(outcomes));
  }

  async function step(
    image: VMImage,
    pass: Pass<VMImage>,
    { site, others, ...reached }: Reached & { readonly site: Site; readonly others: readonly Site[] },
  ): Promise<Turn> {
    const { about, connection, view, grant } = reached;
    const { provider } = about;
    const want = wantOf(image, { ...about, isWanted: site.isWanted }, pass);
    const { namespace, name, uid } = image.metadata;
    const mark = { cluster: ports.clusterId, namespace, name, uid };
    const demands = about.demands.filter(
      ({ node }) => node === undefined || site.node === undefined || node === site.node,
    );
    const choice = choiceOf(image, { ...reached, about: { ...about, demands } });
    const observing = { connection, view, choice, site, others, mark, pass };
    const have = await haveOf(image, want, observing, { ...ports, announced });
    const next = plan(want, have);
    if (next.kind !== 'act') return stay(image, outcomeOfPlan(next));
    const fresh = await pass.reread();
    if (fresh?.metadata.resourceVersion !== image.metadata.resourceVersion)
      return stay(image, waiting('ChangedMeanwhile', 'The VMImage was changed meanwhile.', SOON));
    pass.log.info({ step: next.step.do, provider, node: site.node }, 'step');
    const range = grant?.vmIdRange ?? connection.defaults.vmIdRange;
    const after = await perform(next.step, entriesOf(image), {
      image,
      provider,
      node: site.node,
      file: have.download,
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

const keyOf = ({ namespace, name }: Demand['provider']): string => `${namespace}/${name}`;

function wantOf(image: VMImage, { provider, isWanted }: About, { deleting }: Pass<VMImage>): Want {
  const { download } = image.spec;
  const { uid, generation } = image.metadata;
  const file = deleting || !download ? undefined : fileNameOf(uid, provider, download);
  const via = download ? wayOf(download).via : 'ProxmoxVE';
  return { provider, isWanted, via, file, generation };
}

/** What PVE has on all nodes is looked at again, in the list of guests: a template may be destroyed, a node be added. */
const watched = ({ spec }: VMImage, outcome: Outcome): Outcome =>
  spec.download?.replicate === 'All' && outcome.kind === 'settled' && outcome.again === undefined
    ? settled(AGAIN)
    : outcome;

/** With `replicate: All` a Provider that has the image keeps it on all nodes, also on those that are added later. */
const keepsReplicas = (image: VMImage, provider: string): boolean => {
  const { download } = image.spec;
  if (download?.replicate !== 'All' || image.metadata.deletionTimestamp !== undefined) return false;
  const file = fileNameOf(image.metadata.uid, provider, download);
  return entriesOf(image).templates.some((each) => each.provider === provider && isOf(each, file));
};

const choiceOf = ({ spec }: VMImage, { about: { demands }, connection, view, grant }: Reached): Choice => ({
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
