import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import type {
  CloneSource,
  SourceGuest,
} from '../../../../../controllers/virtualmachine/model/clone-source.ts';
import {
  judgeSource,
  unreachableSource,
} from '../../../../../controllers/virtualmachine/placement/clone-source.ts';
import { printMark, parseMark } from '../../../../../controllers/shared/guests/owner-mark.ts';
import {
  SNAPNAME,
  SNAPSHOT_DESCRIPTION,
  SOURCE_CONFIG,
  SOURCE_UID,
  SOURCE_VMID,
} from '../../../../builders/clone-sources.ts';
import { aMark, FOREIGN } from '../../../../builders/guests.ts';
import { aGrant, OTHER_UID } from '../../../../builders/objects.ts';
import { aNode, aRow, aView } from '../../../../builders/views.ts';

const source: CloneSource = {
  ok: true,
  of: 'VirtualMachine default/db',
  owner: aMark({ name: 'db', uid: SOURCE_UID }),
  uuid: SOURCE_UID,
  vmid: vmid(SOURCE_VMID),
  linked: true,
  disks: [{ name: 'data', volume: 'local-lvm:vm-200-disk-1' }],
};
const snapshot: CloneSource = {
  ...source,
  snapshot: {
    of: 'VMSnapshot default/before-upgrade',
    name: SNAPNAME,
    line: SNAPSHOT_DESCRIPTION,
  },
};

function guest(config: Record<string, string> = {}, change: Partial<SourceGuest> = {}): SourceGuest {
  const own = { ...SOURCE_CONFIG, ...config };
  return {
    mark: parseMark(own['description']),
    config: own,
    lock: undefined,
    cloned: own,
    template: {
      ...{ vmid: vmid(SOURCE_VMID), node: nodeName('pve-1'), isTemplate: false, running: false },
      ...{ disks: [], cdStorages: [], linkable: true },
    },
    ...change,
  };
}
const kept = (features: { readonly canLink: boolean; readonly canCopy: boolean }): SourceGuest => ({
  ...guest({}, { cloned: { scsi0: 'local-lvm:vm-200-disk-0', description: SNAPSHOT_DESCRIPTION } }),
  template: {
    ...guest().template,
    disks: [{ storage: 'tank', size: undefined, isRoot: true }],
    linkable: features.canLink,
    snapshot: { canCopy: features.canCopy },
  },
});
const judged = (of: CloneSource, seen: Parameters<typeof judgeSource>[1]): string => {
  const result = judgeSource(of, seen);
  return result.ok ? 'cloned' : result.reason;
};

describe('a guest that is to be cloned', () => {
  test.each<[string, SourceGuest | 'gone', string]>([
    ['that is that of the VirtualMachine', guest(), 'cloned'],
    [
      'with the mark of another VirtualMachine',
      guest({ description: printMark(FOREIGN) }),
      'SourceNotAllowed',
    ],
    ['without a mark', guest({ description: 'db' }), 'SourceNotAllowed'],
    ['that is a copy of the guest by hand', guest({ smbios1: `uuid=${OTHER_UID}` }), 'SourceNotAllowed'],
    ['that is backed up', guest({}, { lock: 'backup' }), 'SourceBusy'],
    ['that is gone', 'gone', 'SourceNotReady'],
  ])('%s', (_what, seen, expected) => {
    expect(judged(source, seen)).toBe(expected);
  });

  test.each([
    [{ canLink: true, canCopy: true }, 'cloned'],
    [{ canLink: false, canCopy: true }, 'cloned'],
    [{ canLink: false, canCopy: false }, 'CloneNotPossible'],
  ])('as its snapshot was, on a storage with %j', (features, expected) => {
    expect(judged(snapshot, kept(features))).toBe(expected);
  });

  test('has its disks where the snapshot has them', () => {
    const result = judgeSource(snapshot, {
      ...kept({ canLink: true, canCopy: true }),
      cloned: { description: SNAPSHOT_DESCRIPTION, scsi4: 'local-lvm:vm-200-disk-1,size=5G' },
    });
    expect(result).toMatchObject({
      copy: { snapname: SNAPNAME, disks: [{ name: 'data', device: 'scsi4' }] },
    });
  });

  test('is cloned in full where the spec asks for it, and says so', () => {
    expect(judgeSource({ ...source, linked: false }, guest())).toMatchObject({
      template: { full: 'spec.cloneFrom.linked is false' },
    });
  });

  test('is only cloned if mark and UUID are those of the VirtualMachine, and nothing holds it', () => {
    const marks = fc.constantFrom(
      source.owner,
      FOREIGN,
      aMark(),
      aMark({ cluster: 'elsewhere', uid: SOURCE_UID }),
    );
    const uuids = fc.constantFrom(SOURCE_UID, OTHER_UID, undefined);
    fc.assert(
      fc.property(marks, uuids, fc.option(fc.constantFrom('backup', 'migrate')), (mark, uuid, lock) => {
        const seen = guest(
          { description: printMark(mark), smbios1: uuid === undefined ? '' : `uuid=${uuid}` },
          { lock: lock ?? undefined },
        );
        const isItsOwn = mark === source.owner && uuid === SOURCE_UID;
        expect(judgeSource(source, seen).ok).toBe(isItsOwn && lock === null);
      }),
    );
  });
});

describe('before it is read, a guest', () => {
  const view = (change: Parameters<typeof aRow>[0] = {}, online = true) =>
    aView({ nodes: [aNode('pve-1', { online })], guests: [aRow({ vmid: vmid(SOURCE_VMID), ...change })] });
  const tenant = (sources?: readonly object[]) =>
    aGrant({ namespaces: { names: ['*'] }, ...(sources && { sources: sources }) });

  test.each([
    ['of the namespace of the Provider', view(), aGrant(), undefined],
    ['of another namespace', view(), tenant(), 'NotGranted'],
    [
      'of another namespace that is granted',
      view({ tags: ['golden'] }),
      tenant([{ tag: 'golden' }]),
      undefined,
    ],
    ['of another namespace that is a template', view({ template: true }), tenant(), undefined],
    ['on a node that is offline', view({}, false), aGrant(), 'SourceNotReady'],
    ['that is not listed', aView({}), aGrant(), 'SourceNotReady'],
  ])('%s', (_what, seen, grant, reason) => {
    expect(unreachableSource(source, seen, grant)?.reason).toBe(reason);
  });
});
