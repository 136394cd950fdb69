import { describe, expect, test } from '@jest/globals';
import { Access } from '../../fakepve/access.ts';

const none = { ofGuest: () => undefined, ofStorage: () => [] };

function accessWith(
  acls: readonly [path: string, role: string, subject: string, propagate?: boolean][],
): Access {
  const access = new Access(none);
  access.addUser('jane@pve').groups.add('team');
  for (const [path, role, subject, propagate = true] of acls) {
    const kind = subject.includes('!') ? 'token' : subject.includes('@') ? 'user' : 'group';
    access.grant({ path, role, kind, subject, propagate });
  }
  return access;
}

const names = (access: Access, who: string, path: string): readonly string[] =>
  [...access.permissions(who, path).keys()].sort();

describe('permissions', () => {
  test('reach down the tree', () => {
    const access = accessWith([['/vms', 'PVETemplateUser', 'jane@pve']]);
    expect(names(access, 'jane@pve', '/vms/100')).toEqual(['VM.Audit', 'VM.Clone']);
    expect(names(access, 'jane@pve', '/storage/local')).toEqual([]);
  });

  test('stay where they are without propagation', () => {
    const access = accessWith([['/vms', 'PVETemplateUser', 'jane@pve', false]]);
    expect(names(access, 'jane@pve', '/vms')).toEqual(['VM.Audit', 'VM.Clone']);
    expect(names(access, 'jane@pve', '/vms/100')).toEqual([]);
  });

  test('of a deeper path replace those from above', () => {
    const access = accessWith([
      ['/vms', 'PVEVMAdmin', 'jane@pve'],
      ['/vms/100', 'PVETemplateUser', 'jane@pve'],
      ['/vms/101', 'NoAccess', 'jane@pve'],
    ]);
    expect(names(access, 'jane@pve', '/vms/100')).toEqual(['VM.Audit', 'VM.Clone']);
    expect(names(access, 'jane@pve', '/vms/101')).toEqual([]);
  });

  test('of the user hide those of its groups at the same path', () => {
    const access = accessWith([
      ['/vms', 'PVEVMAdmin', 'team'],
      ['/vms', 'PVETemplateUser', 'jane@pve'],
    ]);
    expect(names(access, 'jane@pve', '/vms/1')).toEqual(['VM.Audit', 'VM.Clone']);
  });

  test('of a separated token are only what its user has too', () => {
    const access = accessWith([
      ['/vms', 'PVETemplateUser', 'jane@pve'],
      ['/', 'Administrator', 'jane@pve!ci'],
    ]);
    const token = {
      id: 'jane@pve!ci',
      userid: 'jane@pve',
      name: 'ci',
      secret: 's',
      expire: 0,
      comment: undefined,
    };
    access.tokens.set(token.id, { ...token, privsep: true });
    expect(names(access, token.id, '/vms/1')).toEqual(['VM.Audit', 'VM.Clone']);
    access.tokens.set(token.id, { ...token, privsep: false });
    expect(names(access, token.id, '/storage/x')).toEqual([]);
  });

  test('on a pool hold for the guests in it', () => {
    const access = new Access({
      ofGuest: (vmid) => (vmid === 100 ? 'team' : undefined),
      ofStorage: () => [],
    });
    access.addUser('jane@pve');
    access.grant({
      path: '/pool/team',
      role: 'PVETemplateUser',
      kind: 'user',
      subject: 'jane@pve',
      propagate: true,
    });
    expect(names(access, 'jane@pve', '/vms/100')).toEqual(['VM.Audit', 'VM.Clone']);
    expect(names(access, 'jane@pve', '/vms/101')).toEqual([]);
  });
});
