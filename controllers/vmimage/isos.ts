/** Where an ISO image is. Reads the lists of its storage, on the nodes that see it. */
import { parseVolumeId, PveError, type CallOptions, type View } from '../../src/pve/index.ts';
import type { Reason } from '../../src/api/index.ts';
import type { NodeName } from '../../src/lib/units.ts';
import type { Connection } from '../shared/cluster/connections.ts';
import { askFor, mayUseVolume, type Grant } from '../shared/grants/grants.ts';

export type IsoFound =
  | { readonly ok: true; readonly nodes: readonly NodeName[] }
  | { readonly ok: false; readonly reason: Reason; readonly message: string };

const notFound = (message: string): IsoFound => ({ ok: false, reason: 'IsoNotFound', message });

/** Those that see the storage. What is on a shared one is seen by all of them. */
function placesOf(storage: string, { storages }: View): readonly (readonly NodeName[])[] {
  const rows = storages.filter(
    (row) => row.storage === storage && row.status === 'available' && row.content.includes('iso'),
  );
  const nodes = rows.map(({ node }) => node);
  return rows.some(({ shared }) => shared) ? [nodes] : nodes.map((node) => [node]);
}

export async function findIso(
  iso: string,
  { pve, inventory }: Pick<Connection, 'pve' | 'inventory'>,
  { grant, options }: { readonly grant: Grant; readonly options: CallOptions },
): Promise<IsoFound> {
  const view = inventory.view();
  const { storage = '' } = parseVolumeId(iso) ?? {};
  if (!mayUseVolume(grant.volumes, iso))
    return {
      ok: false,
      reason: 'NotGranted',
      message: `VMs of namespace ${grant.namespace} may not use ${iso}. Correct spec.source, or ${askFor('volumes', grant)}.`,
    };
  const places = view ? placesOf(storage, view) : [];
  if (places.length === 0)
    return notFound(
      `No node that is online has storage ${storage} with content type "iso". Correct spec.source, or allow the content type on the storage.`,
    );
  const nodes: NodeName[] = [];
  for (const place of places) {
    const [node] = place;
    if (node === undefined) continue;
    const volumes = await volumesOn(() => pve.node(node).storage(storage).content('iso', options));
    if (volumes === 'unknown' || volumes.includes(iso)) nodes.push(...place);
  }
  return nodes.length > 0
    ? { ok: true, nodes }
    : notFound(`No node has ${iso}. Upload the image to the storage, or correct spec.source.`);
}

/** What cannot be listed may be there: VMs look for it themselves. */
async function volumesOn(
  list: () => Promise<readonly { readonly volid: string }[]>,
): Promise<readonly string[] | 'unknown'> {
  try {
    return (await list()).map(({ volid }) => volid);
  } catch (error) {
    if (error instanceof PveError) return 'unknown';
    throw error;
  }
}
