import { describe, expect, test } from '@jest/globals';
import { createCloneSlots } from '../../../../../controllers/shared/limits/clones.ts';
import { createMarks } from '../../../../../controllers/shared/guests/marks.ts';
import { createMoveSlots } from '../../../../../controllers/shared/limits/moves.ts';
import type { Connection } from '../../../../../controllers/shared/cluster/connections.ts';
import { createLedger } from '../../../../../controllers/shared/cluster/ledger.ts';
import { locate } from '../../../../../controllers/shared/cluster/locate.ts';
import { createInventory, pve } from '../../../../../src/pve/index.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import { InMemoryPve } from '../../../../builders/in-memory-pve.ts';
import { NOW } from '../../../../builders/guests.ts';

const VMID = vmid(101);

/** A guest that the last inventory showed on pve-1, and that is on another node now. */
async function movedTo(node: string) {
  const cluster = new InMemoryPve(() => NOW);
  cluster.add(101, { name: 'web' });
  const asked: string[] = [];
  const client = pve((endpoint, params, options) => {
    const { node: at } = params as { readonly node?: string };
    if (endpoint.path.endsWith('/pending') && at !== undefined) asked.push(at);
    return cluster.send(endpoint, params, options);
  });
  const inventory = createInventory({ pve: client, now: () => NOW });
  await inventory.refresh();
  cluster.add(101, { name: 'web' }, { node });
  const connection: Connection = {
    origin: 'https://pve.example.com:8006',
    pve: client,
    inventory,
    identity: { name: 'homelab', nodes: ['pve-1'] },
    vmids: {
      reserve: () => Promise.resolve(undefined),
      hold: () => undefined,
      release: () => undefined,
      coolingDown: () => undefined,
    },
    ledger: createLedger(() => NOW),
    cloneSlots: createCloneSlots(
      () => NOW,
      () => undefined,
    ),
    moveSlots: createMoveSlots(
      () => NOW,
      () => undefined,
    ),
    marks: createMarks(
      { pve: client, inventory },
      () => new Set(),
      () => NOW,
    ),
    nodeSelector: [],
    defaults: {},
  };
  return { asked, find: (hint?: string) => locate(connection, VMID, hint ? nodeName(hint) : undefined, {}) };
}

describe('a guest that moved since the last inventory', () => {
  test('is asked for where it is being made, and nowhere else', async () => {
    const { find, asked } = await movedTo('pve-2');
    expect(await find('pve-2')).toMatchObject({ kind: 'seen', guest: { node: 'pve-2' } });
    expect(asked).toEqual(['pve-2']);
  });

  test('is found where the cluster shows it, when it is not where it was seen last', async () => {
    const { find, asked } = await movedTo('pve-1');
    expect(await find('pve-2')).toMatchObject({ kind: 'seen', guest: { node: 'pve-1' } });
    expect(asked).toEqual(['pve-2', 'pve-1']);
  });

  test('is searched for in the whole cluster when it is at neither', async () => {
    const { find } = await movedTo('pve-3');
    expect(await find('pve-2')).toMatchObject({ kind: 'seen', guest: { node: 'pve-3' } });
  });
});
