import { describe, expect, test } from '@jest/globals';
import fc from '../../../builders/fast-check.ts';
import {
  isSameCluster,
  mayBeIn,
  parseIdentity,
  printIdentity,
} from '../../../../controllers/shared/cluster/identity.ts';

const of = (name: string | undefined, ...nodes: string[]) => ({ name, nodes });
const alone = (node: string, address?: string) => ({ name: undefined, nodes: [node], address });

describe('a PVE cluster is still the same', () => {
  test.each([
    ['unchanged', of('homelab', 'a', 'b'), of('homelab', 'b', 'a')],
    ['with a node more', of('homelab', 'a'), of('homelab', 'a', 'b')],
    ['with a node less', of('homelab', 'a', 'b'), of('homelab', 'b')],
    ['as a single node', of(undefined, 'a'), of(undefined, 'a')],
    ['as a single node at its address', alone('pve', '192.0.2.1'), alone('pve', '192.0.2.1')],
    ['where the address was not known yet', alone('pve'), alone('pve', '192.0.2.1')],
    ['where the address may not be seen', alone('pve', '192.0.2.1'), alone('pve')],
    ['when a single node of known address joined', alone('a', '192.0.2.1'), of('homelab', 'a', 'b')],
    ['when a single node joined a cluster', of(undefined, 'a'), of('homelab', 'a', 'b')],
  ])('%s', (_what, before, now) => {
    expect(isSameCluster(before, now)).toBe(true);
  });
});

describe('a PVE cluster is another one', () => {
  test.each([
    ['under another name, even with nodes of the same names', of('homelab', 'pve'), of('other', 'pve')],
    ['without a single node of before', of('homelab', 'a'), of('homelab', 'b')],
    ['when it is a single node and was a cluster', of('homelab', 'a', 'b'), of(undefined, 'a')],
    ['when another single node answers', of(undefined, 'a'), of(undefined, 'b')],
    [
      'when another single node of the same name answers',
      alone('pve', '192.0.2.1'),
      alone('pve', '192.0.2.2'),
    ],
  ])('%s', (_what, before, now) => {
    expect(isSameCluster(before, now)).toBe(false);
  });
});

test('an identity is parsed from its written form, in any order of the nodes', () => {
  const names = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,10}$/);
  fc.assert(
    fc.property(
      fc.option(names, { nil: undefined }),
      fc.uniqueArray(names, { maxLength: 8 }),
      (name, nodes) => {
        const text = printIdentity({ name, nodes });
        expect(text).toBe(printIdentity({ name, nodes: nodes.toReversed() }));
        expect(parseIdentity(text)).toEqual({ name, nodes: nodes.toSorted() });
        const at = printIdentity({ name, nodes, address: 'fd00::1' });
        expect(parseIdentity(at)).toEqual({ name, nodes: nodes.toSorted(), address: 'fd00::1' });
      },
    ),
  );
});

test('the identity of a large cluster fits the status and is still recognised', () => {
  const large = of(
    'homelab',
    ...Array.from({ length: 60 }, (_, n) => `node-in-rack-${String(n).padStart(2, '0')}`),
  );
  const kept = printIdentity(large);
  expect(kept.length).toBeLessThanOrEqual(256);
  expect(isSameCluster(parseIdentity(kept), large)).toBe(true);
});

describe('VMIDs of a Provider count', () => {
  test.each([
    ['where its cluster is not known', undefined, of('homelab', 'a')],
    ['in its own cluster', 'homelab/a,b', of('homelab', 'b')],
    ['for credentials that may not read the name of the cluster', 'homelab/a,b', of(undefined, 'a', 'b')],
  ])('%s', (_where, before, cluster) => {
    expect(mayBeIn(before, cluster)).toBe(true);
  });

  test.each([
    ['of another name', 'homelab/pve', of('other', 'pve')],
    ['of other nodes', 'homelab/a', of(undefined, 'b')],
  ])('in no cluster %s', (_what, before, cluster) => {
    expect(mayBeIn(before, cluster)).toBe(false);
  });
});
