/** Where a guest that is made without a template gets its disks. Pure. */
import { GiB } from '../../../src/lib/units.ts';
import { fitOnto, withNewDisks, type CloneRoute, type PlacementContext } from './clone-routes.ts';
import { obstacle, type Obstacle } from './obstacle.ts';

export interface NewGuestRoute extends Pick<CloneRoute, 'space'> {
  readonly template?: undefined;
  readonly rootStorage: string;
  readonly moves: false;
}

/** An empty disk grows as the guest writes, so its storage must not be nearly full. */
const MIN_FREE = GiB;

/** A route, or why there is none. */
export function routeWithoutTemplate(node: string, context: PlacementContext): NewGuestRoute | Obstacle {
  const { storage: rootStorage, rootDisk: size, disks = [] } = context.request;
  if (rootStorage === undefined) return obstacle('no storage is named for the disk root');
  const all = [
    { storage: rootStorage, size },
    ...disks.map((disk) => ({ storage: disk.storage ?? rootStorage, size: disk.size })),
  ];
  const fitted = fitOnto(withNewDisks(new Map(), all, context), node, context, MIN_FREE);
  return 'cause' in fitted ? fitted : { rootStorage, moves: false, ...fitted };
}
