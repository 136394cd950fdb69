import { describe, expect, test } from '@jest/globals';
import { firstMissingBridge } from '../../../../../controllers/virtualmachine/networks/bridges.ts';
import { Life } from '../../../../builders/life.ts';

describe('a bridge that the node does not list', () => {
  const there = new Set(['vmbr0', 'lan']);
  test.each([
    ['vmbr9', 'is missed: it is named like a bridge'],
    ['storage-net', 'is missed: no vnet is named so'],
  ])('%s %s', (name) => {
    expect(firstMissingBridge(['vmbr0', name], there)).toBe(name);
  });

  test('may be a vnet that the credentials cannot see, so Proxmox VE judges', () => {
    expect(firstMissingBridge(['vnet1', 'lan'], there)).toBeUndefined();
  });
});

test('a VM whose bridge does not exist reports so before anything is created, and continues once it does', async () => {
  const life = new Life({ vm: { spec: { networks: [{ name: 'lan', bridge: 'vmbr7' }] } } });
  await life.until(() => life.status.message?.includes('no bridge "vmbr7"') ?? false);
  expect(life.pve.guests.size).toBe(1);
  expect(life.status.vmid).toBeUndefined();
  life.store.editSpec({ networks: [{ name: 'lan', bridge: 'vmbr1' }] });
  await life.untilReady();
  expect(life.pve.guests.size).toBe(2);
});
