/** Whether a snippet is on the node that a guest starts on: PVE looks for it only then, and the guest would not start. */
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
    // A storage that is not there, or has no snippets, is refused in many words.
    if (error instanceof PveError && ['invalid', 'unknown', 'notFound'].includes(error.refusal))
      return notFound(node, snippet);
    throw error;
  }
}

const notFound = (node: NodeName, snippet: string): SnippetProblem => ({
  reason: 'SnippetNotFound',
  message: `Node ${node} has no snippet ${snippet}: put the file there, on a storage whose content has "snippets", or correct userData.cloudInit.snippet.`,
});
