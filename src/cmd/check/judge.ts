/** What the operator finds in a Proxmox VE cluster, as findings. Pure. */
import { bridgeNamed, consequencesOf, namesOf, type MissingPrivileges } from '../../../controllers/index.ts';
import { compareVersions, type Grantee, type Permissions, type Version, type View } from '../../pve/index.ts';
import { fail, ok, warn, type Finding } from './finding.ts';

/** What the operator does without on a version, oldest first. */
const LACKING: readonly (readonly [before: string, what: string])[] = [
  ['7.2', 'VMs get no TPM, disks cannot be imported, and uploads have no checksum'],
  ['8.0', 'the cloud-init drive always upgrades the packages at the first boot'],
];

export function judgeVersion({ version, release, major }: Version): Finding {
  const found = `Proxmox VE ${version}.`;
  if (major < 7) return fail('version', found, 'The operator needs 7.0 or newer: upgrade Proxmox VE.');
  const lacking = LACKING.filter(([before]) => compareVersions(release, before) < 0);
  if (lacking.length === 0) return ok('version', found);
  const limits = lacking.map(([before, what]) => `before ${before} ${what}`);
  return warn('version', found, `Requests leave out what this version does not have: ${limits.join('; ')}.`);
}

/** Nodes of different versions, as while a cluster is upgraded. @param releases by node */
export function judgeMixedVersions(releases: ReadonlyMap<string, string>): Finding | undefined {
  if (new Set(releases.values()).size < 2) return undefined;
  const nodes = [...releases].toSorted(([a], [b]) => a.localeCompare(b));
  return warn(
    'version',
    `The nodes run different versions: ${nodes.map(([node, release]) => `${node} ${release}`).join(', ')}.`,
    'Each gets the requests of its own version. Upgrade the rest.',
  );
}

export function judgeQuorum({ quorate, clusterName, nodes }: View): Finding {
  if (quorate === 'unknown')
    return warn('quorum', 'Whether there is one may not be seen.', 'Grant Sys.Audit on /; see privileges.');
  if (clusterName === undefined)
    return ok('quorum', `A standalone node${nodes[0] ? ` (${nodes[0].name})` : ''}, which needs none.`);
  return quorate === 'yes'
    ? ok('quorum', `Cluster ${clusterName} is quorate.`)
    : fail(
        'quorum',
        `Cluster ${clusterName} has no quorum: nothing can be changed in it.`,
        'Bring back a majority of its nodes; on a node, this shows which are missing:',
        ['pvecm status'],
      );
}

export function judgeNodes({ nodes }: View, selector: readonly string[]): Finding {
  if (nodes.length === 0)
    return fail('nodes', 'No node is seen.', 'Grant Sys.Audit on /nodes; see privileges.');
  const names = nodes.map((node) => `${node.name}${suffixOf(node)}`).toSorted();
  const unknown = selector.filter((wanted) => !nodes.some(({ name }) => name === wanted));
  const found = `${names.join(', ')}.`;
  const usable = nodes.filter(
    ({ name, online }) => online && (selector.length === 0 || selector.includes(name)),
  );
  if (usable.length === 0)
    return fail(
      'nodes',
      found,
      selector.length === 0
        ? 'None is online: start one.'
        : `None of the node selector (${selector.join(', ')}) is online: correct it.`,
    );
  if (unknown.length > 0)
    return warn('nodes', found, `The node selector names what does not exist: ${unknown.join(', ')}.`);
  if (nodes.some(({ online }) => !online))
    return warn('nodes', found, 'Nothing is created on nodes that are offline.');
  return nodes.some(isInMaintenance)
    ? warn('nodes', found, 'Nothing is created on nodes in maintenance of HA.')
    : ok('nodes', found);
}

type NodeRow = View['nodes'][number];

const isInMaintenance = ({ hastate }: NodeRow): boolean => hastate === 'maintenance';

const suffixOf = (node: NodeRow): string =>
  node.online ? (isInMaintenance(node) ? ' (maintenance)' : '') : ' (offline)';

export function judgePrivileges(
  lacks: MissingPrivileges,
  held: Permissions,
  { user, token }: Grantee,
): Finding {
  const who = token === undefined ? user : `${user}!${token}`;
  const { required, optional, commands } = lacks;
  if (Object.values(held).every((privileges) => Object.keys(privileges).length === 0))
    return fail(
      'privileges',
      `${who} may do nothing at all.`,
      token === undefined
        ? 'Grant a role to the user:'
        : 'A token with privilege separation needs a role of its own, in addition to that of its user:',
      commands,
    );
  if (required.length > 0)
    return fail(
      'privileges',
      `${who} holds nowhere: ${namesOf([...required, ...optional]).join(', ')}.`,
      'Grant them:',
      commands,
    );
  if (optional.length > 0)
    return warn(
      'privileges',
      `Some things will not work for ${who}: ${consequencesOf(lacks).join('; ')}.`,
      'Grant what is missing:',
      commands,
    );
  return ok('privileges', `${who} holds all that are needed.`);
}

type StorageRow = View['storages'][number];

const namesIn = (rows: readonly StorageRow[]): string =>
  [...new Set(rows.map(({ storage }) => storage))].toSorted().join(', ');

const online = ({ nodes }: View): readonly string[] =>
  nodes
    .filter((node) => node.online)
    .map(({ name }) => name)
    .toSorted();

const without = (view: View, rows: readonly StorageRow[]): readonly string[] =>
  online(view).filter((name) => !rows.some(({ node }) => node === name));

const available = ({ storages }: View, content: string): readonly StorageRow[] =>
  storages.filter((row) => row.status === 'available' && row.content.includes(content));

/** A storage for disks. */
export function judgeStorage(view: View, wanted: string | undefined): Finding {
  const rows = available(view, 'images');
  if (rows.length === 0)
    return fail(
      'storage',
      'No available storage with content "images" is seen.',
      'Add "images" to the content of a storage (pvesm set STORAGE --content …,images), or grant Datastore.Audit on /storage.',
    );
  if (wanted !== undefined && !rows.some(({ storage }) => storage === wanted))
    return fail(
      'storage',
      `The Provider's default storage ${wanted} is not among those for disks: ${namesIn(rows)}.`,
      'Correct spec.defaults.storage.',
    );
  const bare = without(view, rows);
  return bare.length === 0
    ? ok('storage', `For disks: ${namesIn(rows)}.`)
    : warn(
        'storage',
        `For disks: ${namesIn(rows)}.`,
        `None on ${bare.join(', ')}: no VM can be created there.`,
      );
}

/** Types of storage that are directories, and so can keep ISO images. */
const DIRECTORIES = new Set(['dir', 'nfs', 'cifs', 'cephfs', 'btrfs', 'glusterfs']);

/** Lines that let a directory of these nodes keep ISO images. */
function isoCommands({ storages }: View, nodes: readonly string[]): readonly string[] {
  const first = nodes.flatMap(
    (name) => storages.find(({ node, type }) => node === name && DIRECTORIES.has(type ?? '')) ?? [],
  );
  const lines = first.map(
    ({ storage, content }) => `pvesm set ${storage} --content ${[...content, 'iso'].toSorted().join(',')}`,
  );
  return [...new Set(lines)];
}

/** A storage for the images that carry user-data, on each node. */
export function judgeIsoStorage(view: View, wanted: string | undefined): Finding {
  const rows = available(view, 'iso').filter(({ storage }) => wanted === undefined || storage === wanted);
  const bare = without(view, rows);
  if (bare.length === 0) return ok('iso', `For user-data images: ${namesIn(rows)}.`);
  const what = wanted === undefined ? 'no available storage' : `the storage ${wanted} is not available`;
  const found = `On ${bare.join(', ')} ${wanted === undefined ? `there is ${what}` : what} with content "iso".`;
  const commands = wanted === undefined ? isoCommands(view, bare) : [];
  const cure =
    wanted === undefined ? 'Add "iso" to the content of a storage' : 'Correct spec.defaults.isoStorage';
  const todo = `VMs with user-data cannot be created there. ${cure}${commands.length > 0 ? ':' : '.'}`;
  return rows.length === 0 ? fail('iso', found, todo, commands) : warn('iso', found, todo, commands);
}

/** Names of networks in manifests that stand for a bridge. */
const NETWORKS = ['lan', 'dmz', 'mgmt'] as const;

/** @param bridges those of each online node */
export function judgeBridges(
  bridges: ReadonlyMap<string, readonly string[]>,
  fallback: string | undefined,
): Finding {
  const wanted = [
    ...NETWORKS.map((name) => [name, bridgeNamed(name)] as const),
    ['default', fallback] as const,
  ].flatMap(([name, bridge]) => (bridge === undefined ? [] : [{ name, bridge }]));
  const seen = [...new Set([...bridges.values()].flat())].toSorted();
  if (seen.length === 0)
    return fail(
      'bridges',
      'No bridge is seen on any node.',
      'Create vmbr0 on each node (Node → System → Network), or grant SDN.Use on /sdn/zones.',
    );
  const gaps = wanted.flatMap(({ name, bridge }) => {
    const nodes = [...bridges].filter(([, has]) => !has.includes(bridge)).map(([node]) => node);
    return nodes.length === 0 ? [] : [`${bridge} (network ${name}) on ${nodes.toSorted().join(', ')}`];
  });
  const found = `${seen.join(', ')}.`;
  return gaps.length === 0
    ? ok('bridges', found)
    : warn(
        'bridges',
        found,
        `Not there: ${gaps.join('; ')}. Create them, or name another bridge in spec.networks[].bridge of the VMs.`,
      );
}

const MAX_NAMED = 10;

export function judgeTemplates({ guests }: View): Finding {
  const templates = [...guests.values()].filter(({ type, template }) => type === 'qemu' && template);
  if (templates.length === 0)
    return warn(
      'templates',
      'No template is seen.',
      'VMs are cloned from one: make one (qm template VMID), or grant VM.Audit on /vms.',
    );
  const named = templates.slice(0, MAX_NAMED).map(({ vmid, name }) => `${name ?? '(no name)'} (${vmid})`);
  const rest = templates.length > MAX_NAMED ? ` and ${templates.length - MAX_NAMED} more` : '';
  return ok('templates', `${named.join(', ')}${rest}.`);
}
