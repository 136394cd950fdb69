/** Reports a snippet that is missing on the guest's node: PVE reads it only when the guest starts, and the start would fail. Pure. */
import type { Reason } from '../../../src/api/index.ts';
import type { NodeName } from '../../../src/lib/units.ts';

export const snippetNotFound = (
  node: NodeName,
  snippet: string,
): { readonly reason: Reason; readonly message: string } => ({
  reason: 'SnippetNotFound',
  message: `Node ${node} has no snippet ${snippet}. Create the file there, on a storage with content type "snippets", or correct spec.userData.cloudInit.snippet.`,
});
