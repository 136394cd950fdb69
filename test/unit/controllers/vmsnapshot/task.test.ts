/** The task of a VMSnapshot whose node is offline, or has left the cluster. */
import { describe, expect, test } from '@jest/globals';
import type { TaskLabel } from '../../../../controllers/vmsnapshot/model/tasks.ts';
import { seenTask } from '../../../../controllers/vmsnapshot/observe/task.ts';
import { nodeName, vmid } from '../../../../src/lib/units.ts';
import type { Send, View } from '../../../../src/pve/index.ts';
import { NOW, UPID } from '../../../builders/guests.ts';
import { aSnapshot, SNAPSHOT_UID } from '../../../builders/objects.ts';
import { SnapshotLife } from '../../../builders/snapshot-life.ts';
import { aNode, aRow, aView } from '../../../builders/views.ts';

type Context = Parameters<typeof seenTask>[1];

const LABELS: readonly TaskLabel[] = ['Create', 'Delete', 'Revert'];
const at = (node: string) => [aRow({ node: nodeName(node) })];
const offline = [aNode('pve-1', { online: false }), aNode('pve-2')];
const SITUATIONS = [
  ['its node is offline and has the guest', aView({ nodes: offline, guests: at('pve-1') }), 'unreachable'],
  ['its node is offline and the guest is elsewhere', aView({ nodes: offline, guests: at('pve-2') }), 'lost'],
  ['its node left the cluster', aView({ nodes: [aNode('pve-2')], guests: at('pve-2') }), 'lost'],
  ['nothing is known of the cluster', undefined, 'running'],
] as const;

async function seenIn(view: View | undefined, type: TaskLabel) {
  const [read, forgotten]: [string[], string[]] = [[], []];
  const task = (upid: string) => ({
    status: () => Promise.resolve((read.push(upid), { state: 'running' })),
  });
  const connection = {
    inventory: { view: () => view },
    pve: { node: () => ({ task }) },
  } as unknown as Context['connection'];
  const watch = {
    follow: () => false,
    usualMs: () => undefined,
    forget: ({ upid }: { readonly upid: string }) => void forgotten.push(upid),
  };
  const startedAt = new Date(NOW).toISOString();
  const snapshot = aSnapshot({
    status: { snapshotName: 'before', internal: { vmid: vmid(101) }, task: { upid: UPID, type, startedAt } },
  });
  const seen = await seenTask(snapshot, { connection, watch, now: NOW, options: {} });
  return { task: seen?.task, read, forgotten };
}

describe.each(SITUATIONS)('where %s', (_where, view, state) => {
  test.each(LABELS)(`a task (%s) is ${state}`, async (type) => {
    const { task, read, forgotten } = await seenIn(view, type);
    expect(task).toMatchObject({ upid: UPID, type, state });
    expect(read).toEqual(state === 'running' ? [UPID] : []);
    expect(forgotten).toEqual(state === 'lost' ? [UPID] : []);
  });
});

/** A cluster of two nodes, of which the first may go offline or leave. */
class Failing {
  first: 'online' | 'offline' | 'gone' = 'online';
  readonly life: SnapshotLife;

  constructor() {
    this.life = new SnapshotLife({
      between: ({ send, store }) => ({ store, send: this.#through(send) }),
    });
  }

  /** The guest continues on the other node, as HA or an administrator has it. */
  moveGuest(): void {
    const { life } = this;
    life.guest.node = 'pve-2';
    if (life.vm) life.vm = { ...life.vm, status: { ...life.vm.status, node: nodeName('pve-2') } };
  }

  #through(send: Send): Send {
    return async (endpoint, params, ...rest) => {
      const { node } = params as { readonly node?: string };
      if (this.first !== 'online' && node === 'pve-1') throw new Error('hostname lookup failed');
      const reply = await send(endpoint, params, ...rest);
      return endpoint.path === '/cluster/resources' ? (this.#rows(reply as Row[]) as typeof reply) : reply;
    };
  }

  #rows(rows: readonly Row[]): readonly Row[] {
    const isFirst = ({ type, node }: Row): boolean => type === 'node' && node === 'pve-1';
    if (this.first === 'online') return rows;
    return rows.flatMap((row) =>
      !isFirst(row) ? [row] : this.first === 'gone' ? [] : [{ ...row, status: 'offline' }],
    );
  }
}

interface Row {
  readonly type?: string;
  readonly node?: string;
}

const INTERRUPTED = { Create: 'qmsnapshot', Delete: 'qmdelsnapshot', Revert: 'qmrollback' } as const;

/** The task is interrupted, and nobody can be asked about it; the guest continues on the other node. */
async function interrupted(type: TaskLabel, first: Failing['first']): Promise<SnapshotLife> {
  const failing = new Failing();
  const { life } = failing;
  if (type !== 'Create') await life.untilReady();
  life.pve.failures.push({ type: INTERRUPTED[type], exit: 'interrupted' });
  if (type === 'Delete') life.store.markDeleted();
  if (type === 'Revert') askForRevert(life);
  await life.until(() => {
    acknowledge(life);
    return life.status.task?.type === type;
  });
  failing.first = first;
  failing.moveGuest();
  return life;
}

function askForRevert(life: SnapshotLife): void {
  life.now += 60_000;
  life.store.editSpec({ revert: { requestedAt: new Date(life.now).toISOString() } });
}

/** What the controller of the VM does. */
function acknowledge(life: SnapshotLife): void {
  const open = life.status.internal?.revert;
  const { vm } = life;
  if (!vm || !open) return;
  const { requestedAt } = open;
  const revert = {
    snapshot: 'x',
    uid: SNAPSHOT_UID,
    requestedAt,
    generation: 1,
    state: 'Announced' as const,
  };
  life.vm = { ...vm, status: { ...vm.status, internal: { ...vm.status?.internal, revert } } };
}

describe.each(['offline', 'gone'] as const)('a VMSnapshot whose task was on a node that is %s', (first) => {
  test('is taken on the node where the VM continues', async () => {
    const life = await interrupted('Create', first);
    await life.untilReady();
    expect(life.guest.snapshots.size).toBe(1);
  });

  test.each(['Create', 'Delete'] as const)('can be deleted (%s)', async (type) => {
    const life = await interrupted(type, first);
    if (type === 'Create') life.store.markDeleted();
    await life.until(() => life.store.live() === undefined);
    expect(life.guest.snapshots.size).toBe(0);
  });

  test('says of a revert that its end is unknown, and does not repeat it', async () => {
    const life = await interrupted('Revert', first);
    await life.until(() => life.status.lastRevert !== undefined);
    for (let n = 0; n < 5; n += 1) await life.pass();
    expect(life.status.lastRevert?.result).toBe('Unknown');
    expect(life.pve.requests.filter((request) => request.endsWith('/rollback'))).toHaveLength(1);
  });

  test('is reported as incomplete if it is left half taken', async () => {
    const life = await interrupted('Create', first);
    const description = `virtrigaud-snapshot: cluster-1/default/before-upgrade/${SNAPSHOT_UID}`;
    const half = { description, memory: false, takenAt: life.now, parent: undefined, state: 'prepare' };
    life.guest.snapshots.set('before-upgrade', half);
    await life.until(() => life.ready.includes('SnapshotIncomplete'));
    expect(life.guest.snapshots.size).toBe(1);
  });
});

test('a task on a node that is offline and has the guest is waited for', async () => {
  const failing = new Failing();
  const { life } = failing;
  await life.until(() => life.status.task !== undefined);
  failing.first = 'offline';
  life.now += 10_000;
  for (let n = 0; n < 5; n += 1) await life.pass();
  expect(life.ready).toMatch(/^False NodeOffline: Node pve-1 is offline/);
  expect(life.status.task?.type).toBe('Create');
});
