/** Where and how a guest that does not exist yet would be created. Pure: equal facts give equal results. */
import type { Reason } from '../../../src/api/index.ts';
import type { GuestView, View } from '../../../src/pve/index.ts';
import type { NodeName, Vmid } from '../../../src/lib/units.ts';
import type { CloneRequest } from '../../shared/limits/clones.ts';
import { spaceKey, type Reservation } from '../../shared/cluster/ledger.ts';
import { templatesReachable } from '../../shared/cluster/templates.ts';
import type { Claim } from '../model/observed.ts';
import type { CloneCreation, Creation } from '../../shared/placement/model.ts';
import { dataProblem } from '../cloud-init/validate.ts';
import type { PlainSpec } from '../model/resolved-spec.ts';
import type { ClusterFacts } from '../model/surroundings.ts';
import { bridgesInstead, firstMissingBridge, type Bridges } from '../networks/bridges.ts';
import { place, type Template } from '../../shared/placement/place.ts';
import { ISO_REMEDY } from '../cloud-init/iso-storage.ts';
import type { CloneFrom, SourceSeen } from '../model/clone-source.ts';
import { judgeSource, unreachableSource } from './clone-source.ts';
import { NEW_OSTYPE } from './new-guest.ts';
import { copiedUseProblem } from './copied-uses.ts';
import { bridgeProblem, provenTemplates, sourceProblem } from './sources.ts';
import { volumesOf, withoutIsoStorage, withoutVolumes } from './unfit.ts';
import { awaitsTemplate, missingTemplates } from './missing-templates.ts';
import type { CloneRoute } from '../../shared/placement/clone-routes.ts';

/** What is known about templates and nodes so far. */
export interface CreationFacts {
  readonly templates: ReadonlyMap<Vmid, Template>;
  /** What `spec.cloneFrom` names. Absent: it was not asked for. */
  readonly source?: SourceSeen;
  readonly bridges: ReadonlyMap<NodeName, Bridges>;
  /** By node, those of the volumes that a new VM starts with which the node does not have. */
  readonly missingVolumes: ReadonlyMap<NodeName, readonly string[]>;
}

export interface CreationDecision {
  readonly creation: Creation;
  /** What to reserve for the VM; `none`: no node takes it. Absent: it was not placed. */
  readonly promise?: Reservation | 'none';
  /** It cannot be decided before this is read. */
  readonly unread?:
    | { readonly what: 'templates'; readonly vmids: readonly Vmid[] }
    | { readonly what: 'source'; readonly vmid: Vmid; readonly snapname: string | undefined }
    | { readonly what: 'bridges'; readonly node: NodeName }
    | { readonly what: 'volumes'; readonly node: NodeName; readonly volumes: readonly string[] };
}

const refusal = (reason: Reason, message: string): CreationDecision => ({
  creation: notMade(reason, message),
});

export function decideCreation(
  spec: PlainSpec,
  claim: Claim | undefined,
  facts: CreationFacts,
  cluster: ClusterFacts,
): CreationDecision {
  const { view } = cluster;
  const { shape, image } = spec;
  if (!view || !shape) return refusal('ProviderNotReady', 'The Proxmox VE cluster was not read yet.');
  if (spec.cloneFrom) return decideCopy({ spec, shape, claim, view }, spec.cloneFrom, { facts, cluster });
  if (shape.withoutTemplate) return withoutTemplate(spec, shape, { claim, view, facts, cluster });
  if (!image) return refusal('ImageNotFound', 'The VMImage of this VM no longer exists.');
  const named = templatesReachable(image, view, spec.grant);
  if (!named.ok) return { creation: named };
  const unread = named.guests.filter(({ vmid, node }) => facts.templates.get(vmid)?.node !== node);
  if (unread.length > 0)
    return {
      ...refusal('TemplateUnread', 'The template was not read yet.'),
      unread: { what: 'templates', vmids: unread.map(({ vmid }) => vmid) },
    };
  const templates = provenTemplates(
    image,
    named.guests.flatMap((row) => templateOf(row, facts)),
  );
  if ('reason' in templates) return refusal(templates.reason, templates.message);
  const problem = sourceProblem(templates, spec) ?? unfitData(shape, templates);
  if (problem) return refusal(problem.reason, problem.message);
  return whereTemplatesAre({ spec, shape, claim, view, templates }, facts, cluster);
}

/** Where there is a template, or can be none; otherwise it waits for one. What has a VMID is made in any way. */
function whereTemplatesAre(
  placing: Omit<Placing, 'templates'> & { readonly templates: readonly Template[] },
  facts: CreationFacts,
  cluster: ClusterFacts,
): CreationDecision {
  const { spec, claim, view, templates } = placing;
  const missing = missingTemplates(spec, templates, { ...cluster, view });
  if (!missing) return onCompleteNode(placing, facts, cluster);
  const now = onCompleteNode({ ...placing, lacking: missing.unfit }, facts, cluster);
  if (now.creation.ok) return now;
  if (claim) return onCompleteNode(placing, facts, cluster);
  const expected = { templates: [...templates, ...missing.expected], preferred: missing.preferred };
  const then = onCompleteNode({ ...placing, ...expected }, facts, cluster);
  if (!then.creation.ok) return onCompleteNode(placing, facts, cluster);
  const creation = awaitsTemplate(then.creation.node, missing.image, now.creation.message);
  return { creation, promise: 'none', ...(then.unread && { unread: then.unread }) };
}

const unfitData = (shape: Placing['shape'], templates: readonly Template[]): ReturnType<typeof dataProblem> =>
  dataProblem(
    shape,
    templates.map(({ system = {} }) => system),
  );

/** As for a template, except that the source has to be proven, and is read in each pass. */
function decideCopy(
  placing: Omit<Placing, 'templates'>,
  from: CloneFrom,
  { facts, cluster }: { readonly facts: CreationFacts; readonly cluster: ClusterFacts },
): CreationDecision {
  const { spec, shape, view } = placing;
  if (!from.ok) return refusal(from.reason, from.message);
  const unreachable = unreachableSource(from, view, spec.grant);
  if (unreachable) return refusal(unreachable.reason, unreachable.message);
  if (!facts.source)
    return {
      ...refusal('TemplateUnread', 'The source was not read yet.'),
      unread: { what: 'source', vmid: from.vmid, snapname: from.snapshot?.name },
    };
  const source = judgeSource(from, facts.source);
  if (!source.ok) return refusal(source.reason, source.message);
  const templates = [source.template];
  const problem =
    bridgeProblem(source.template, spec) ??
    copiedUseProblem(source.cloned, spec) ??
    unfitData(shape, templates);
  if (problem) return refusal(problem.reason, problem.message);
  const decision = onCompleteNode({ ...placing, templates }, facts, cluster);
  const { creation } = decision;
  return creation.ok && creation.template !== undefined
    ? { ...decision, creation: { ...creation, copy: source.copy } }
    : decision;
}

/** What an installer does not need, an installed system may: it gets its data like any other. */
function withoutTemplate(
  spec: PlainSpec,
  shape: NonNullable<PlainSpec['shape']>,
  {
    facts,
    cluster,
    ...at
  }: Pick<Placing, 'claim' | 'view'> & { readonly facts: CreationFacts; readonly cluster: ClusterFacts },
): CreationDecision {
  if (spec.storage === undefined)
    return refusal(
      'StorageRequired',
      'A VM without a template needs a storage for its disk root, and neither the spec, nor the class, nor the Provider names one. Set storageClass of the disk root, storage.class of the VMClass, or spec.defaults.storage of the Provider.',
    );
  const problem = dataProblem(shape, [{ ostype: shape.osType ?? NEW_OSTYPE }]);
  return problem
    ? refusal(problem.reason, problem.message)
    : onCompleteNode({ spec, shape, ...at, templates: 'none' }, facts, cluster);
}

/** The power state may change at any time, the rest hardly ever does. */
function templateOf({ vmid, status }: GuestView, { templates }: CreationFacts): Template[] {
  const known = templates.get(vmid);
  return known ? [{ ...known, running: status === 'running' }] : [];
}

interface Placing {
  readonly spec: PlainSpec;
  readonly shape: NonNullable<PlainSpec['shape']>;
  readonly claim: Claim | undefined;
  readonly view: View;
  readonly templates: readonly Template[] | 'none';
  /** Nodes that have no template, a clause each. Absent: none is missing. */
  readonly lacking?: ReadonlyMap<NodeName, string>;
  /** The node to choose if it is eligible, where none was chosen before. */
  readonly preferred?: NodeName | undefined;
}

const NONE: ReadonlyMap<NodeName, string> = new Map();

/** Chooses among the nodes that have the bridges and the volumes. */
function onCompleteNode(placing: Placing, facts: CreationFacts, cluster: ClusterFacts): CreationDecision {
  const { spec, shape, claim, view, templates } = placing;
  const noIso = withoutIsoStorage(shape, view, cluster.defaults);
  const otherwise = new Map([...withoutVolumes(shape, view), ...(placing.lacking ?? NONE)]);
  const unfit = new Map<NodeName, string>([...noIso, ...otherwise]);
  const lacking: Lacking = { bridges: new Set(), volumes: new Set() };
  // Each iteration rules out a node, so there are no more iterations than nodes.
  for (;;) {
    const request = { ...placementRequest(placing, cluster), unfit };
    const placed = place(request, templates, view, cluster.promised);
    if (!('route' in placed)) {
      const { message } = placed.creation;
      const withIso = place({ ...request, unfit: otherwise }, templates, view, cluster.promised);
      return {
        creation:
          bridgeNotFound(lacking, message, { facts, grant: spec.grant }) ??
          volumeNotFound(lacking, shape, message) ??
          (withIso.creation.ok ? noIsoStorage(message) : placed.creation),
        promise: 'none',
      };
    }
    const { creation, route } = placed;
    const promise: Reservation = {
      vmid: claim?.vmid,
      node: creation.node,
      memory: shape.memory,
      space: spaceOf(route),
    };
    const unread = unreadAt(creation.node, shape, facts);
    if (unread) return { creation, promise, unread };
    const missing = missingAt(creation.node, shape, facts);
    if (missing === undefined) return { creation, promise };
    lacking[missing.what].add(missing.name);
    unfit.set(creation.node, missing.clause);
  }
}

interface Lacking {
  readonly bridges: Set<string>;
  readonly volumes: Set<string>;
}

const bridgesOf = ({ nics = [] }: Placing['shape']): readonly string[] => nics.map(({ bridge }) => bridge);

/** What of a node must be read before a VM is made there. */
function unreadAt(
  node: NodeName,
  shape: Placing['shape'],
  { bridges, missingVolumes }: CreationFacts,
): CreationDecision['unread'] {
  if (bridgesOf(shape).length > 0 && !bridges.has(node)) return { what: 'bridges', node };
  const volumes = volumesOf(shape);
  return volumes.length > 0 && !missingVolumes.has(node) ? { what: 'volumes', node, volumes } : undefined;
}

function missingAt(
  node: NodeName,
  shape: Placing['shape'],
  { bridges, missingVolumes }: CreationFacts,
): { readonly what: keyof Lacking; readonly name: string; readonly clause: string } | undefined {
  const there = bridges.get(node) ?? 'unknown';
  const bridge = there === 'unknown' ? undefined : firstMissingBridge(bridgesOf(shape), there);
  if (bridge !== undefined) return { what: 'bridges', name: bridge, clause: `has no bridge "${bridge}"` };
  const [volume] = missingVolumes.get(node) ?? [];
  return volume === undefined ? undefined : { what: 'volumes', name: volume, clause: `has no ${volume}` };
}

function volumeNotFound(
  { volumes }: Lacking,
  { cloudInit, cdroms = [] }: Placing['shape'],
  message: string,
): Creation | undefined {
  if (volumes.size === 0) return undefined;
  if (cdroms.some(({ volume }) => volume !== undefined && volumes.has(volume)))
    return notMade(
      'IsoNotFound',
      `${message} Upload the image to a storage of such a node, or correct spec.source of the VMImage or spec.cdroms.`,
    );
  return cloudInit?.snippet !== undefined && volumes.has(cloudInit.snippet)
    ? notMade(
        'SnippetNotFound',
        `${message} Create the file on such a node, on a storage with content type "snippets", or correct spec.userData.cloudInit.snippet.`,
      )
    : notMade(
        'ImportNotFound',
        `${message} Put the volume on such a node, or correct importFrom in spec.disks.`,
      );
}

const notMade = (reason: Reason, message: string): Creation => ({ ok: false, reason, message });

function placementRequest(
  { spec, shape, claim, preferred }: Placing,
  cluster: ClusterFacts,
): Parameters<typeof place>[0] {
  const {
    storage,
    host,
    grant: { storages },
  } = spec;
  const { cpus, memory, maxMemory, rootDisk, disks } = shape;
  const chosen = claim?.placement?.node ?? preferred;
  return {
    cpus,
    memory,
    nodeSelector: cluster.nodeSelector,
    ...(host !== undefined && { host }),
    ...(storage !== undefined && { storage }),
    ...(maxMemory !== undefined && { maxMemory }),
    ...(rootDisk !== undefined && { rootDisk }),
    ...(disks && { disks }),
    ...(storages && { storages }),
    ...(chosen !== undefined && { chosen }),
    ...(cluster.policy && { policy: cluster.policy }),
  };
}

function bridgeNotFound(
  { bridges }: Lacking,
  unplaced: string,
  {
    facts,
    grant,
  }: { readonly facts: Pick<CreationFacts, 'bridges'>; readonly grant: Pick<PlainSpec['grant'], 'bridges'> },
): Creation | undefined {
  const [missing] = bridges;
  if (missing === undefined) return undefined;
  const there = [...facts.bridges.values()].flatMap((each) => (each === 'unknown' ? [] : [...each]));
  return notMade(
    'BridgeNotFound',
    `${unplaced} Bridges there are ${bridgesInstead(missing, there, grant.bridges)}. ` +
      `An existing bridge may be hidden because the credentials lack SDN.Use on ${[...bridges].map((name) => `/sdn/zones/localnetwork/${name}`).join(', ')}. ` +
      `Correct spec.networks, create the bridge on a node, or grant the privilege.`,
  );
}

const noIsoStorage = (unplaced: string): Creation => notMade('NoIsoStorage', `${unplaced} ${ISO_REMEDY}`);

function spaceOf({ space }: Pick<CloneRoute, 'space'>): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { at, bytes } of space) sums.set(spaceKey(at), (sums.get(spaceKey(at)) ?? 0) + bytes);
  return sums;
}

/** What the clone competes with others for. */
export function cloneRequestOf(
  { template, templateNode, full, storage, rootStorage = '' }: CloneCreation,
  view: View,
): CloneRequest {
  const id = storage ?? rootStorage;
  const row = view.storages.find((each) => each.node === templateNode && each.storage === id);
  return {
    source: template,
    running: view.guests.get(template)?.status === 'running',
    full,
    storage: row ? spaceKey(row) : `${templateNode}/${id}`,
  };
}
