/**
 * Which volumes of a spec a node does not have. A guest is not made only to fail for them afterwards, nor started: PVE
 * looks for a snippet only then.
 */
import { parseVolumeId, PveError, type CallOptions, type Pve } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';

interface Context {
  readonly connection: { readonly pve: Pve };
  readonly options: CallOptions;
}

/** @param volumes ids such as `local:snippets/web.yaml` */
export async function missingVolumes(
  { node, volumes }: { readonly node: NodeName; readonly volumes: readonly string[] },
  context: Context,
): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const [list, wanted] of Map.groupBy(volumes, listOf)) {
    const there = await volumesIn(node, list, context);
    missing.push(...wanted.filter((volume) => there?.has(volume) === false));
  }
  return missing;
}

/** The storage and, where the id shows it, the content type that its list is limited to. */
function listOf(volume: string): string {
  const { storage = '' } = parseVolumeId(volume) ?? {};
  const [, type = ''] = /^[^:]+:(snippets|import|iso)\//.exec(volume) ?? [];
  return `${storage} ${type}`;
}

/** `undefined`: the credentials may not see it, so that nothing is known. */
async function volumesIn(
  node: NodeName,
  list: string,
  { connection: { pve }, options }: Context,
): Promise<ReadonlySet<string> | undefined> {
  const [storage = '', type = ''] = list.split(' ');
  try {
    const volumes = await pve
      .node(node)
      .storage(storage)
      .content(type === '' ? undefined : type, options);
    return new Set(volumes.map(({ volid }) => volid));
  } catch (error) {
    if (error instanceof PveError && error.refusal === 'forbidden') return undefined;
    if (error instanceof PveError && hasNoSuchContent(error)) return new Set();
    throw error;
  }
}

/** The storage does not exist, is not on the node, or is not for this content. Any other failure says nothing about it. */
const hasNoSuchContent = ({ refusal, absent, pveMessage }: PveError): boolean =>
  refusal === 'invalid' ||
  absent === 'storage' ||
  (refusal === 'unknown' &&
    /is not available on node|is disabled|not configured for content/.test(pveMessage));
