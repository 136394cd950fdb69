/** Where it is not known what has changed since. */
import type { PlacementChanges } from '../../controllers/shared/placement/feed.ts';

/** Everything is looked at each time. */
export const UNKNOWN_CHANGES: PlacementChanges = {
  rules: () => NaN,
  position: () => 0,
  since: () => undefined,
  namespaces: () => [],
};
