import { describe, expect, test } from '@jest/globals';
import {
  vmidHolder,
  vmidToAskAbout,
} from '../../../../../controllers/virtualmachine/placement/vmid-holder.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { aClaim, CREATION } from '../../../../builders/guests.ts';
import { aGrant } from '../../../../builders/objects.ts';
import { aRow, aView } from '../../../../builders/views.ts';

const wanted = (change: object = {}) => ({
  spec: { shape: { vmid: vmid(500) }, grant: aGrant() } as Parameters<typeof vmidHolder>[0]['spec'],
  claim: undefined,
  creation: CREATION,
  ...change,
});
const cluster = (...rows: readonly Parameters<typeof aRow>[0][]) => ({
  view: aView({ guests: rows.map((row) => aRow(row)) }),
  promised: { memory: new Map<string, number>(), space: new Map<string, number>() },
  nodeSelector: [],
  defaults: {},
  timing: undefined,
});
const LISTED = cluster({ vmid: vmid(500), name: 'db' });

describe('the VMID that a spec asks for', () => {
  test('belongs to the guest that the list has', () => {
    expect(vmidHolder(wanted(), LISTED, false)).toBe('VMID 500 belongs to the VM "db" on node pve-1.');
  });

  test('belongs to nobody once Proxmox VE says so, although the list still has the guest that was deleted', () => {
    expect(vmidToAskAbout(wanted())).toBe(500);
    expect(vmidHolder(wanted(), LISTED, true)).toBeUndefined();
  });

  test('belongs to a guest that is hidden where only Proxmox VE knows of it', () => {
    expect(vmidHolder(wanted(), cluster(), false)).toContain('the credentials may not see');
    expect(vmidHolder(wanted(), cluster(), true)).toBeUndefined();
  });

  test('belongs to somebody who is not named to another namespace than that of the Provider', () => {
    const grant = aGrant({ namespaces: { names: ['*'] } });
    const spec = { ...wanted().spec, grant };
    expect(vmidHolder(wanted({ spec }), LISTED, false)).toBe('VMID 500 is in use.');
    expect(vmidHolder(wanted({ spec }), cluster(), false)).toBe('VMID 500 is in use.');
    expect(vmidHolder(wanted({ spec }), cluster(), true)).toBeUndefined();
  });

  test('is of no interest once a VMID is reserved', () => {
    expect(vmidToAskAbout(wanted({ claim: aClaim() }))).toBeUndefined();
    expect(vmidHolder(wanted({ claim: aClaim() }), LISTED, false)).toBeUndefined();
  });
});
