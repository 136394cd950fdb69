/** Waits until all objects have been observed and nothing moves any more, and says what still does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { unobserved } from './oracles/explained.ts';
import type { Eyes, KubeObject, World } from './world.ts';

const POLL_MS = 1_000;
/** As long as nothing may move to count as settled: longer than the steps of a VM are apart. */
const STILL_FOR = 8;

export interface Settled {
  readonly world: World;
  /** What still moved when time was up; empty where the world is settled. */
  readonly restless: readonly string[];
}

const versions = (objects: readonly KubeObject[]): ReadonlyMap<string, string> =>
  new Map(objects.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]));

export async function settle(eyes: Eyes, withinMs: number): Promise<Settled> {
  const deadline = Date.now() + withinMs;
  let before: ReadonlyMap<string, string> = new Map();
  let still = 0;
  for (;;) {
    const world = { objects: await eyes.objects(), pve: await eyes.pve() };
    const after = versions(world.objects);
    const moving = [...after].filter(([key, version]) => before.get(key) !== version).map(([key]) => key);
    const isBusy = world.pve.tasks.some(({ exitstatus }) => exitstatus === undefined);
    const waiting = unobserved(world);
    const isStill = moving.length === 0 && waiting.length === 0 && !isBusy && before.size === after.size;
    still = isStill ? still + 1 : 0;
    if (still >= STILL_FOR) return { world, restless: [] };
    if (Date.now() > deadline)
      return { world, restless: [...moving, ...waiting, ...(isBusy ? ['a task in Proxmox VE'] : [])] };
    before = after;
    await sleep(POLL_MS);
  }
}
