/** Checks that a snippet exists on the guest's node: PVE reads it only when the guest starts, and the start would fail. */
import { PveError, parseVolumeId, type CallOptions } from '../../../src/pve/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { Connection } from '../../shared/cluster/connections.ts';

export interface SnippetProblem {
  readonly reason: string;
  readonly message: string;
}

export async function snippetProblem(
  { pve }: Connection,
  { node, snippet }: { readonly node: NodeName; readonly snippet: string },
  options: CallOptions,
): Promise<SnippetProblem | undefined> {
  const storage = parseVolumeId(snippet)?.storage ?? '';
  try {
    const volumes = await pve.node(node).storage(storage).content('snippets', options);
    return volumes.some(({ volid }) => volid === snippet) ? undefined : notFound(node, snippet);
  } catch (error) {
    // PVE has several error messages for a storage that does not exist or has no snippets.
    if (error instanceof PveError && ['invalid', 'unknown', 'notFound'].includes(error.refusal))
      return notFound(node, snippet);
    throw error;
  }
}

const notFound = (node: NodeName, snippet: string): SnippetProblem => ({
  reason: 'SnippetNotFound',
  message: `Node ${node} has no snippet ${snippet}. Create the file there, on a storage with content type "snippets", or correct spec.userData.cloudInit.snippet.`,
});
