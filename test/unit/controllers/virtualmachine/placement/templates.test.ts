import { describe, expect, test } from '@jest/globals';
import type { Connection } from '../../../../../controllers/shared/cluster/connections.ts';
import { createTemplateReader } from '../../../../../controllers/virtualmachine/placement/templates.ts';
import { PveError, type MigrationPreconditions, type Pve } from '../../../../../src/pve/index.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { NOW, TEMPLATE_CONFIG } from '../../../../builders/guests.ts';
import { aTemplateRow, aView } from '../../../../builders/views.ts';

const NOTHING: MigrationPreconditions = {
  localDisks: [],
  localResources: [],
  mappedResources: [],
  notAllowed: {},
};

/** Reads the template, and counts how often PVE was asked where it could be moved. */
async function readWith(
  config: Readonly<Record<string, string>>,
  answer: () => MigrationPreconditions = () => NOTHING,
  row = aTemplateRow(),
) {
  let asked = 0;
  const qemu = () => ({
    config: () => Promise.resolve({ values: { ...TEMPLATE_CONFIG, ...config } }),
    migrationPreconditions: () => {
      asked += 1;
      return new Promise<MigrationPreconditions>((resolve) => resolve(answer()));
    },
  });
  const connection = {
    pve: { node: () => ({ qemu }) } as unknown as Pve,
    inventory: { view: () => aView({ guests: [row] }) },
  } as unknown as Connection;
  const template = await createTemplateReader(() => NOW)(connection, vmid(9000), {});
  return { template, asked };
}

test('a guest is a template as its configuration says, also while the list of guests says otherwise', async () => {
  const listed = await readWith({ template: '1' }, undefined, aTemplateRow({ template: false }));
  expect(listed.template?.isTemplate).toBe(true);
  const other = await readWith({ template: '0' }, undefined, aTemplateRow({ template: true }));
  expect(other.template?.isTemplate).toBe(false);
});

describe('the devices of a template', () => {
  test('cost no request where it has none, or only those that its own node has', async () => {
    const { template, asked } = await readWith({ serial0: 'socket' }, () => NOTHING);
    expect(template).not.toHaveProperty('localDevices');
    expect(asked).toBe(0);
    const passed = await readWith({ hostpci0: '0000:01:00.0' }, () => NOTHING);
    expect(passed.template?.localDevices).toEqual(['hostpci0']);
    expect(passed.asked).toBe(0);
  });

  test('with a mapping are missing where Proxmox VE says so', async () => {
    const none = { storages: [], ha: [] };
    const notAllowed = { 'pve-2': { ...none, resources: ['hostpci0'] }, 'pve-3': { ...none, resources: [] } };
    const { template } = await readWith({ hostpci0: 'mapping=gpu' }, () => ({ ...NOTHING, notAllowed }));
    expect(template?.unmapped?.get('pve-2')).toEqual(['hostpci0']);
    expect(template?.unmapped?.get('pve-3')).toEqual([]);
    expect(template).not.toHaveProperty('localDevices');
  });

  test('are left to Proxmox VE where it may not be asked', async () => {
    const forbidden = new PveError({
      refusal: 'forbidden',
      method: 'GET',
      route: '/nodes/{node}/qemu/{vmid}/migrate',
      code: '403',
      message: 'Permission check failed.',
    });
    const { template } = await readWith({ hostpci0: 'mapping=gpu' }, () => {
      throw forbidden;
    });
    expect(template?.unmapped?.size).toBe(0);
  });
});
