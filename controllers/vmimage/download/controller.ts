/**
 * VMImage that is downloaded: observe → plan → perform, for each Provider that needs a template. One step a pass; what
 * is in the way of one Provider does not stop another.
 */
import type { Provider, VMImage, VMImageStatus } from '../../../src/api/index.ts';
import { millis, seconds, type Vmid } from '../../../src/lib/units.ts';
import type { View } from '../../../src/pve/index.ts';
import type { Pass, Readable, ReconcileResult } from '../../../src/runtime/controller.ts';
import { progressed, released, settled, waiting, type Outcome } from '../../../src/runtime/outcome.ts';
import type { Connection, Connections } from '../../shared/cluster/connections.ts';
import { outcomeOf } from '../../shared/errors/outcome-of.ts';
import { downloadNotGranted, mayDownload } from '../../shared/grants/downloads.ts';
import { grantOf, type Grant } from '../../shared/grants/grants.ts';
import { demandsFor, type Demand, type DemandPorts } from '../../shared/images/demand.ts';
import { fileNameOf } from '../../shared/images/file-name.ts';
import { placeFor, targetFor, type Choice } from './choose.ts';
import type { GuestSeen, Have, Plan, Problem, TemplateEntry, Want } from './model.ts';
import { seeFile, seeGuest } from './observe.ts';
import { perform, type Entries } from './perform.ts';
import { plan } from './plan.ts';
import { createAnnounced } from './requests.ts';

export interface DownloadPorts extends DemandPorts {
  readonly connections: Connections;
  /** Of the Kubernetes cluster. */
  readonly clusterId: string;
}

const AGAIN = seconds(30);
const SOON = millis(200);
const LEAVING_AGAIN = seconds(10);
const MAX_LISTED = 64;

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
    const demands = demandsFor(image, ports);
    const eager = (image.spec.download?.providerRefs ?? []).map(
      ({ namespace = image.metadata.namespace, name }) => `${namespace}/${name}`,
    );
    const needed = new Set([...eager, ...demands.map(({ provider }) => keyOf(provider))]);
    return inTurn(image, pass, { needed, demands });
  }

  async function remove(image: VMImage, pass: Pass<VMImage>): Promise<Result> {
    const left = entriesOf(image);
    const isKept = image.spec.deletionPolicy === 'Retain';
    if (isKept || (left.downloads.length === 0 && left.templates.length === 0)) {
      announced.forget(image.metadata.uid);
      return { outcome: released, status: image.status ?? {} };
    }
    // Their guests may be linked clones, without which no template can be destroyed.
    const leaving = ports.usersOf(image.metadata.namespace, image.metadata.name);
    if (leaving.some(({ status }) => status?.vmid !== undefined))
      return {
        outcome: waiting(
          'CleaningUp',
          'The templates are destroyed once the VirtualMachines that are being deleted are gone.',
          LEAVING_AGAIN,
        ),
        status: image.status ?? {},
      };
    const result = await inTurn(image, pass, { needed: new Set(), demands: [] });
    return result.outcome.kind === 'settled' ? { ...result, outcome: released } : result;
  }

  /** One Provider after the other until one step is taken; of what is in the way, the first is reported. */
  async function inTurn(
    image: VMImage,
    pass: Pass<VMImage>,
    { needed, demands }: { readonly needed: ReadonlySet<string>; readonly demands: readonly Demand[] },
  ): Promise<Result> {
    const entries = entriesOf(image);
    const outcomes: Outcome[] = [];
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
    const { provider, isWanted, demands } = about;
    const entries = entriesOf(image);
    const stay = (outcome: Outcome): Turn => ({ outcome, entries, isStep: false });
    const object = providerOf(provider);
    if (!object) return stay(gone(provider, pass.deleting));
    const [namespace = '', name = ''] = provider.split('/');
    const connection = ports.connections.get(namespace, name);
    const view = connection?.inventory.view();
    if (!connection || !view || view.staleSince !== undefined) return stay(notConnected(provider));
    const grant = grantOf(object, image.metadata.namespace, ports.namespaces);
    const problem = pass.deleting ? undefined : refused(image, provider, grant);
    if (problem && isWanted) return stay(waiting(problem.reason, problem.message, AGAIN));
    if (view.quorate === 'no')
      return stay(
        waiting(
          'NoQuorum',
          `The Proxmox VE cluster of Provider ${provider} has no quorum and accepts no changes. Bring its nodes back.`,
          AGAIN,
        ),
      );
    const want = wantOf(image, about, pass.deleting);
    const choice = choiceOf(image, { connection, view, grant, demands });
    const mark = {
      cluster: ports.clusterId,
      namespace: image.metadata.namespace,
      name: image.metadata.name,
      uid: image.metadata.uid,
    };
    const options = { signal: pass.signal };
    const have = await observe(image, want, { connection, view, choice, mark, pass });
    const next = plan(want, have);
    if (next.kind !== 'act') return stay(outcomeOfPlan(next));
    const fresh = await pass.reread();
    if (fresh?.metadata.resourceVersion !== image.metadata.resourceVersion)
      return stay(waiting('ChangedMeanwhile', 'The VMImage was changed meanwhile.', millis(200)));
    pass.log.info({ step: next.step.do, provider }, 'step');
    const after = await perform(next.step, entries, {
      image,
      provider,
      connection,
      mark,
      pool: poolOf(connection, grant),
      reserve: () =>
        connection.vmids.reserve(connection.pve, view, grant?.vmIdRange ?? connection.defaults.vmIdRange),
      announced,
      now: pass.now,
      options,
    });
    return after
      ? { outcome: stepTaken(provider, want, have), entries: after, isStep: true }
      : stay(
          waiting(
            'NoFreeVmid',
            'There is no free VMID for the template. Widen the range of the Provider (spec.defaults.vmIdRange), or remove guests.',
            AGAIN,
          ),
        );
  }

  async function observe(
    image: VMImage,
    want: Want,
    { connection, view, choice, mark, pass }: Observing,
  ): Promise<Have> {
    const { downloads, templates } = entriesOf(image);
    const download = downloads.find(({ provider }) => provider === want.provider);
    const own = templates.filter(({ provider }) => provider === want.provider);
    const current = own.find(({ file }) => file === want.file);
    const now = pass.now.getTime();
    const source = { connection, view, options: { signal: pass.signal } };
    const guests = new Map<Vmid, GuestSeen>();
    for (const entry of own)
      if (!isSettled(entry, current, view))
        guests.set(entry.vmid, await seeGuest(entry, { ...source, mark, now }));
    return {
      download,
      current,
      old: own.filter((each) => each !== current),
      file: download && (await seeFile(download, source)),
      guests,
      place: placeFor(choice),
      target: targetFor(choice, download?.node),
      isUnsent: (at) => announced.has(image.metadata.uid, at),
      now,
    };
  }

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

interface Observing {
  readonly connection: Connection;
  readonly view: View;
  readonly choice: Choice;
  readonly mark: { readonly cluster: string; readonly uid: string };
  readonly pass: Pass<VMImage>;
}

const keyOf = ({ namespace, name }: Demand['provider']): string => `${namespace}/${name}`;

const entriesOf = ({ status }: VMImage): Entries => ({
  downloads: status?.downloads ?? [],
  templates: status?.templates ?? [],
});

/** The list of guests says enough of one that is ready. */
const isSettled = (entry: TemplateEntry, current: TemplateEntry | undefined, { guests }: View): boolean =>
  entry === current && entry.state === 'Ready' && guests.has(entry.vmid);

function wantOf(image: VMImage, { provider, isWanted }: About, deleting: boolean): Want {
  const { download } = image.spec;
  const { uid, generation } = image.metadata;
  const file = deleting || !download ? undefined : fileNameOf(uid, provider, download);
  return { provider, isWanted, file, generation };
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

function refused(
  { metadata, spec }: VMImage,
  provider: string,
  grant: Grant | undefined,
): Problem | undefined {
  if (!grant)
    return {
      reason: 'ReferenceNotAllowed',
      message: `VMImages of namespace ${metadata.namespace} may not use Provider ${provider}. Correct spec.download.providerRefs, or ask the owner of the Provider to grant it (spec.grants).`,
    };
  const { url } = spec.download ?? {};
  return url === undefined || mayDownload(grant, url)
    ? undefined
    : { reason: 'NotGranted', message: downloadNotGranted(grant) };
}

/** As for VMs: the Provider's pool if the grant allows it, and otherwise the first that it allows. */
function poolOf({ defaults: { pool } }: Connection, grant: Grant | undefined): string | undefined {
  const allowed = grant?.pools;
  return allowed === undefined || (pool !== undefined && allowed.includes(pool)) ? pool : allowed[0];
}

/** What it has of the image cannot be removed any more. */
const gone = (provider: string, deleting: boolean): Outcome =>
  deleting
    ? settled()
    : waiting(
        'ProviderNotFound',
        `Provider ${provider} does not exist. Create it, or correct spec.download.providerRefs.`,
        AGAIN,
      );

const notConnected = (provider: string): Outcome =>
  waiting(
    'ProviderNotReady',
    `Provider ${provider} is not connected to Proxmox VE. Its condition Ready says why; reconciliation resumes by itself.`,
    AGAIN,
  );

const outcomeOfPlan = (next: Exclude<Plan, { kind: 'act' }>): Outcome =>
  next.kind === 'done' ? settledUntil(next.again) : waiting(next.reason, next.message, millis(next.again));

const settledUntil = (again: number | undefined): Outcome =>
  again === undefined ? settled() : settled(millis(again));

/** What is tidied up afterwards is no reason not to be ready. */
const stepTaken = (provider: string, { file }: Want, { current }: Have): Outcome =>
  file !== undefined && current?.state === 'Ready'
    ? settled(SOON)
    : progressed('StepTaken', `Making a template with Provider ${provider}.`);

/** What is in the way first; if nothing is, the one that is looked at again first. */
function firstOf(outcomes: readonly Outcome[]): Outcome {
  const found = outcomes.find(({ kind }) => kind !== 'settled');
  if (found) return found;
  const times = outcomes.flatMap((each) => ('again' in each && each.again !== undefined ? each.again : []));
  return times.length === 0 ? settled() : settled(millis(Math.min(...times)));
}

function statusOf({ status = {} }: VMImage, { downloads, templates }: Entries): VMImageStatus {
  const { downloads: _d, templates: _t, availableOn: _a, ...rest } = status;
  const ready = templates.filter(({ state }) => state === 'Ready');
  const availableOn = ready.map(({ provider, vmid, node }) => ({ provider, vmid, node }));
  return {
    ...rest,
    ...(availableOn.length > 0 && { availableOn: availableOn.slice(0, MAX_LISTED) }),
    ...(downloads.length > 0 && { downloads: [...downloads] }),
    ...(templates.length > 0 && { templates: [...templates] }),
  };
}
