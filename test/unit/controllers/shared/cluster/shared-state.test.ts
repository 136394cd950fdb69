import { describe, expect, test } from '@jest/globals';
import { evidenceOf } from '../../../../../controllers/shared/cluster/evidence.ts';
import {
  createSharedStates,
  type SharedState,
} from '../../../../../controllers/shared/cluster/shared-state.ts';
import type { PeerCertificate, View } from '../../../../../src/pve/index.ts';
import { GiB, nodeName, vmid } from '../../../../../src/lib/units.ts';
import { NOW } from '../../../../builders/guests.ts';
import { aNode, aView } from '../../../../builders/views.ts';

const PEER: PeerCertificate = { leaf: 'AA', privateRoot: undefined };
const signed = (leaf: string): PeerCertificate => ({ leaf, privateRoot: 'ROOT' });
const publicly = (leaf: string): PeerCertificate => ({ leaf, privateRoot: undefined });

const CLUSTER = aView({
  nodes: [aNode('pve-1', { address: '192.0.2.1' }), aNode('pve-2', { address: '192.0.2.2' })],
});
const MORE_NODES = { ...CLUSTER, nodes: [...CLUSTER.nodes, aNode('pve-3', { address: '192.0.2.3' })] };
const standalone = (address: string): View =>
  aView({ clusterName: undefined, address, nodes: [aNode('pve', { address })] });

function scene() {
  const claimed = new Set<number>();
  const asked: (string | undefined)[] = [];
  const states = createSharedStates({
    claimedIn: ({ name }) => {
      asked.push(name);
      return new Set([...claimed].map((n) => vmid(n)));
    },
    onSlotFree: () => undefined,
    now: () => NOW,
  });
  const connections = new Map<string, object>();
  const connection = (name: string): object => {
    const known = connections.get(name) ?? { name };
    connections.set(name, known);
    return known;
  };
  return {
    states,
    claimed,
    asked,
    drop: (name: string) => states.drop(connection(name)),
    of: (name: string, view: View, certificate?: PeerCertificate, before?: string): SharedState =>
      states.of(
        connection(name),
        {
          evidence: evidenceOf(view, certificate),
          identity: { name: view.clusterName, nodes: view.nodes.map((node) => node.name) },
          providers: () => [`default/${name}`],
        },
        before === undefined ? undefined : connection(before),
      ),
  };
}

const promise = ({ ledger, cloneSlots, vmids }: SharedState, uid = 'web'): void => {
  ledger.promise(uid, { vmid: vmid(101), node: nodeName('pve-1'), memory: GiB, space: new Map() });
  cloneSlots.take(uid, { source: vmid(9000), running: true, full: true, storage: 'nfs' }, CLUSTER);
  vmids.hold(vmid(101));
};
const promised = ({ ledger, cloneSlots, vmids }: SharedState) => ({
  memory: ledger.besides('other', CLUSTER).memory.get('pve-1') ?? 0,
  slots: [...cloneSlots.holders()].length,
  numbers: [...vmids.held()].map(([number]) => number),
});
const NOTHING = { memory: 0, slots: 0, numbers: [] };
const WEB = { memory: GiB, slots: 1, numbers: [101] };

describe('two connections share their state', () => {
  test('where name, nodes and leaf certificate are the same', () => {
    const { of } = scene();
    expect(of('a', CLUSTER, PEER)).toBe(of('b', CLUSTER, PEER));
    expect(of('c', standalone('192.0.2.1'), PEER)).toBe(of('d', standalone('192.0.2.1'), PEER));
  });

  test('in a cluster also where a private authority is the same, as different nodes have it', () => {
    const { of } = scene();
    expect(of('a', CLUSTER, signed('L1'))).toBe(of('b', CLUSTER, signed('L2')));
  });

  test('where one of them may read neither name nor addresses, and the leaf is the same', () => {
    const { of } = scene();
    const hidden: View = {
      ...aView({ nodes: [aNode('pve-1'), aNode('pve-2')] }),
      clusterName: undefined,
      quorate: 'unknown',
    };
    expect(of('a', CLUSTER, PEER)).toBe(of('b', hidden, PEER));
    expect(of('c', hidden, signed('L2'))).not.toBe(of('a', CLUSTER, PEER));
  });
});

describe('two connections share nothing', () => {
  test.each([
    [
      'two stand-alone hosts called pve',
      standalone('192.0.2.1'),
      publicly('L1'),
      standalone('192.0.2.2'),
      publicly('L2'),
    ],
    ['such hosts with one certificate for all', standalone('192.0.2.1'), PEER, standalone('192.0.2.2'), PEER],
    [
      'such hosts at one address in two networks',
      standalone('192.0.2.1'),
      signed('L1'),
      standalone('192.0.2.1'),
      signed('L2'),
    ],
    ['clusters of another name', CLUSTER, PEER, { ...CLUSTER, clusterName: 'other' }, PEER],
    ['clusters with other nodes', CLUSTER, PEER, MORE_NODES, PEER],
    ['equal clusters with public certificates', CLUSTER, publicly('L1'), CLUSTER, publicly('L2')],
    ['connections without TLS', CLUSTER, undefined, CLUSTER, undefined],
  ])('%s', (_what, one, onesPeer, other, othersPeer) => {
    const { of } = scene();
    const a = of('a', one, onesPeer);
    promise(a);
    const b = of('b', other, othersPeer);
    expect(a).not.toBe(b);
    expect(promised(b)).toEqual(NOTHING);
  });
});

describe('what is shared', () => {
  test('stays shared when a node joins, though one connection notices it first', () => {
    const { of } = scene();
    const shared = of('a', CLUSTER, PEER);
    of('b', CLUSTER, PEER);
    promise(shared);
    expect(of('a', MORE_NODES, PEER)).toBe(shared);
    expect(of('b', CLUSTER, PEER)).toBe(shared);
    expect(of('b', MORE_NODES, PEER)).toBe(shared);
    expect(promised(shared)).toEqual(WEB);
  });

  test('is separated by a renewed certificate, and joined when the other shows it too; nothing is lost', () => {
    const { of } = scene();
    const before = of('a', CLUSTER, PEER);
    expect(of('b', CLUSTER, PEER)).toBe(before);
    promise(before);
    const renewed = publicly('BB');
    const separated = of('a', CLUSTER, renewed);
    expect(separated).not.toBe(before);
    expect(promised(separated)).toEqual(WEB);
    expect(of('b', CLUSTER, PEER)).toBe(before);
    promise(before, 'db');
    const joined = of('b', CLUSTER, renewed);
    expect(joined).toBe(of('a', CLUSTER, renewed));
    expect(promised(joined).memory).toBe(2 * GiB);
  });

  test('stays with a connection that is alone, with any certificate', () => {
    const { of } = scene();
    const alone = of('a', CLUSTER, PEER);
    expect(of('a', MORE_NODES, signed('BB'))).toBe(alone);
    expect(of('a', MORE_NODES, undefined)).toBe(alone);
  });

  test('is joined later by a connection that saw other nodes at first', () => {
    const { of } = scene();
    const shared = of('a', MORE_NODES, PEER);
    promise(of('b', CLUSTER, PEER));
    expect(of('b', MORE_NODES, PEER)).toBe(shared);
    expect(promised(shared)).toEqual(WEB);
  });

  test('is kept by the connection with new credentials', () => {
    const { of } = scene();
    promise(of('old', CLUSTER, undefined));
    expect(promised(of('new', CLUSTER, undefined, 'old'))).toEqual(WEB);
  });

  test('ends with its last connection, and not before', () => {
    const { of, drop } = scene();
    promise(of('a', CLUSTER, PEER));
    of('b', CLUSTER, PEER);
    drop('a');
    expect(promised(of('b', CLUSTER, PEER))).toEqual(WEB);
    drop('b');
    expect(promised(of('b', CLUSTER, PEER))).toEqual(NOTHING);
  });

  test('is released with the VM', () => {
    const { of, states } = scene();
    const shared = of('a', CLUSTER, PEER);
    promise(shared);
    states.release('web');
    expect(promised(shared)).toMatchObject({ memory: 0, slots: 0 });
  });

  test('leaves out the numbers that VMs of this cluster have, and asks for those of no other', async () => {
    const { of, claimed, asked } = scene();
    const { vmids } = of('a', CLUSTER, PEER);
    of('b', standalone('192.0.2.9'), signed('XX'));
    claimed.add(200);
    const free = { cluster: { nextid: () => Promise.resolve({ free: true, vmid: vmid(200) }) } } as never;
    expect(await vmids.reserve(free, CLUSTER, { start: 200, end: 300 })).toBe(201);
    expect(asked).toEqual(['homelab']);
  });
});
