/** A snippet that is not on the node that a guest starts on. Pure. */
import type { NodeName } from '../../../src/lib/units.ts';

export const snippetNotFound = (
  node: NodeName,
  snippet: string,
): { readonly reason: string; readonly message: string } => ({
  reason: 'SnippetNotFound',
  message: `Node ${node} has no snippet ${snippet}: put the file there, on a storage whose content has "snippets", or correct userData.cloudInit.snippet.`,
});
