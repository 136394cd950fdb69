import { describe, expect, test } from '@jest/globals';
import {
  asksForOtherBridge,
  withoutMissingBridges,
} from '../../../../../controllers/virtualmachine/networks/missing-bridges.ts';
import { nodeName } from '../../../../../src/lib/units.ts';

const NIC = 'virtio=02:00:00:00:00:01,bridge=vmbr0';
const guest = { node: nodeName('pve-1'), config: { net0: NIC } };
const there = new Set(['vmbr0', 'vmbr1']);
const on = (bridge: string) => `virtio=02:00:00:00:00:02,bridge=${bridge}`;
const written = (set: Record<string, string>, bridges: ReadonlySet<string> | 'unknown' = there) =>
  withoutMissingBridges({ set, delete: ['net5'] }, guest, bridges);

describe('a network interface of an existing VM', () => {
  test('is not put on a bridge that its node lacks, and everything else is written', () => {
    const { change, nicsNotApplied } = written({ net1: on('vmbr77'), net2: on('vmbr1'), cores: '4' });
    expect(change).toEqual({ set: { net2: on('vmbr1'), cores: '4' }, delete: ['net5'] });
    expect(nicsNotApplied).toEqual([
      expect.stringMatching(
        /net1 is not changed, because node pve-1 has no bridge vmbr77 .* It has vmbr0, vmbr1\. Correct the bridge/,
      ),
    ]);
  });

  test('is answered with the bridges of the node that the namespace may use, and no others', () => {
    const change = { set: { net1: on('vmbr77') }, delete: [] };
    const { nicsNotApplied } = withoutMissingBridges(change, guest, there, ['vmbr1', 'vmbr9']);
    expect(nicsNotApplied).toEqual([expect.stringContaining('It has vmbr1.')]);
  });

  test('is all that is held back, also if nothing else changes', () => {
    const { change, nicsNotApplied } = withoutMissingBridges(
      { set: { net0: on('vmbr77') }, delete: [] },
      guest,
      there,
    );
    expect(change).toBeUndefined();
    expect(nicsNotApplied).toHaveLength(1);
  });

  test.each<[string, Record<string, string>, ReadonlySet<string> | 'unknown']>([
    ['on a bridge of the node', { net1: on('vmbr1') }, there],
    ['that may be on a VNet', { net1: on('blue') }, there],
    ['that stays on its bridge', { net0: `${NIC},mtu=1400` }, new Set(['vmbr9'])],
    ['where Proxmox VE does not list the bridges', { net1: on('vmbr77') }, 'unknown'],
  ])('%s is left to Proxmox VE', (_what, set, bridges) => {
    expect(written(set, bridges)).toEqual({ change: { set, delete: ['net5'] } });
  });

  test('needs a look at the bridges only for one that no interface of the VM is on', () => {
    expect(asksForOtherBridge({ nics: [{ name: 'lan', bridge: 'vmbr0' }] }, guest)).toBe(false);
    expect(asksForOtherBridge({ nics: [{ name: 'lan', bridge: 'vmbr1' }] }, guest)).toBe(true);
    expect(asksForOtherBridge({ nics: undefined }, guest)).toBe(false);
  });
});
