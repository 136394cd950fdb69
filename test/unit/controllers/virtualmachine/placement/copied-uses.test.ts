import { describe, expect, test } from '@jest/globals';
import { copiedUseProblem } from '../../../../../controllers/virtualmachine/placement/copied-uses.ts';
import { aDesiredVm } from '../../../../builders/guests.ts';
import { aGrant } from '../../../../builders/objects.ts';

const GPU = { hostpci0: 'mapping=gpu' };
const ISO = { ide0: 'local:iso/secret.iso,media=cdrom' };
const OURS = { ide2: 'local:iso/virtrigaud-200-0123.iso,media=cdrom' };
const NOTHING = { namespaces: { names: ['default'] } };

const judged = (
  cloned: Record<string, string>,
  grants: Parameters<typeof aGrant>[0] = NOTHING,
  change: Parameters<typeof aDesiredVm>[0] = {},
) => copiedUseProblem(cloned, { grant: aGrant(grants), shape: aDesiredVm(change) })?.message ?? 'fine';

describe('what a copy would have of its source', () => {
  test('has to be granted: devices of nodes, and images in CD drives', () => {
    expect(judged(GPU)).toContain('resource mapping gpu');
    expect(judged(ISO)).toContain('local:iso/secret.iso');
    expect(judged(GPU, { ...NOTHING, devices: ['gpu'] })).toBe('fine');
    expect(judged(ISO, { ...NOTHING, volumes: ['local:iso/*'] })).toBe('fine');
  });

  test('is not judged where the spec replaces it, or the operator removes it', () => {
    expect(judged(GPU, NOTHING, { devices: [] })).toBe('fine');
    expect(judged(OURS)).toBe('fine');
    expect(judged({ ide2: 'none,media=cdrom', ide3: 'local-lvm:vm-1-cloudinit,media=cdrom' })).toBe('fine');
  });
});
