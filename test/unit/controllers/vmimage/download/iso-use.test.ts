import { expect, test } from '@jest/globals';
import { mayUseIso } from '../../../../../controllers/vmimage/download/iso-use.ts';
import { aVirtualMachine, type VirtualMachineChange } from '../../../../builders/objects.ts';

const FORMER = 'local:iso/former.iso';
const user = (status: NonNullable<VirtualMachineChange['status']>) => aVirtualMachine({ status });

test('a former ISO image is used while a drive has it, or while a VM has a snapshot that may name it', () => {
  const other = user({
    cdroms: [{ name: 'install', device: 'ide2', volume: 'local:iso/new.iso' }],
    snapshotCount: 0,
  });
  const drive = user({ cdroms: [{ name: 'install', device: 'ide2', volume: FORMER }] });
  const snapshot = user({
    cdroms: [{ name: 'install', device: 'ide2', volume: 'local:iso/new.iso' }],
    snapshotCount: 1,
  });
  expect(mayUseIso([other], FORMER)).toBe(false);
  expect(mayUseIso([other, drive], FORMER)).toBe(true);
  expect(mayUseIso([other, snapshot], FORMER)).toBe(true);
  expect(mayUseIso([], FORMER)).toBe(false);
});
