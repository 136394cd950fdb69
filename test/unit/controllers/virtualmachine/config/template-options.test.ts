import { describe, expect, test } from '@jest/globals';
import { configChange } from '../../../../../controllers/virtualmachine/config/change.ts';
import {
  lostSentences,
  TEMPLATE_OPTIONS,
  templateOption,
  unsetOptions,
} from '../../../../../controllers/virtualmachine/config/template-options.ts';
import { guestOptions } from '../../../../fakepve/schema/schema.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import { aDesiredVm, aGuest, aMark, TEMPLATE_CONFIG, type Wanted } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';

describe('the table of template options', () => {
  test('says what becomes of every option that Proxmox VE knows', () => {
    expect(Object.keys(guestOptions).filter((option) => templateOption(option) === undefined)).toEqual([]);
  });

  test('has each option once', () => {
    const all = TEMPLATE_OPTIONS.flatMap(({ options }) => options);
    expect(new Set(all).size).toBe(all.length);
  });

  test('says of each option that may be lost why, and what to do', () => {
    const lossy = TEMPLATE_OPTIONS.filter(({ lost }) => lost !== undefined).flatMap(({ options }) => options);
    expect(lossy).toEqual(['ciuser', 'cipassword', 'sshkeys', 'cicustom', 'ipconfig[n]']);
    expect(lostSentences(['ipconfig3'])).toEqual([
      expect.stringContaining('Set an address in spec.networks.'),
    ]);
  });
});

describe('a flag of a template', () => {
  const NONE = { mode: 'None' as const, keys: { set: {}, delete: [] }, build: () => new Uint8Array() };
  const firstWrite = (config: GuestConfig, want: Partial<Wanted> = {}) =>
    configChange(
      aVirtualMachine({ status: { cloneType: 'Linked' } }),
      aDesiredVm(want),
      aGuest({ config: { ...TEMPLATE_CONFIG, ...config }, mark: aMark(), running: false }),
      { cloudInit: NONE, maxCpus: 8, nodeCpus: 16 },
    );

  test('that starts its VMs with the node, or tags them, does not pass to a VM whose spec does not say so', () => {
    const change = firstWrite({ onboot: '1', tags: 'template' });
    expect(change?.delete).toEqual(expect.arrayContaining(['onboot', 'tags']));
  });

  test('protects no VM, and is removed before anything that Proxmox VE refuses for a protected guest', () => {
    expect(firstWrite({ protection: '1' })).toEqual({ set: {}, delete: ['protection'] });
    expect(firstWrite({ protection: '0' })?.set).toHaveProperty('smbios1');
  });

  test('stays where the spec says the same', () => {
    const config = { onboot: '1', protection: '1' };
    const spec = { onBoot: true, protection: true };
    expect(unsetOptions(spec, config).delete).toEqual([]);
    expect(firstWrite({ onboot: '1' }, { options: spec })).toMatchObject({ set: { protection: 1 } });
  });

  test('that the spec sets otherwise is written once, not also deleted', () => {
    const change = firstWrite({ onboot: '1' }, { options: { onBoot: false } });
    expect(change?.set).toMatchObject({ onboot: 0 });
    expect(change?.delete).not.toContain('onboot');
  });
});
