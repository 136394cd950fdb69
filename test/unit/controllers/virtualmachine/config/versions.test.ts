import { describe, expect, test } from '@jest/globals';
import { configChange } from '../../../../../controllers/virtualmachine/config/change.ts';
import { unsupportedSentences } from '../../../../../controllers/virtualmachine/config/versions.ts';
import { planCloudInit } from '../../../../../controllers/virtualmachine/cloud-init/plan.ts';
import { isDelivered } from '../../../../../controllers/virtualmachine/cloud-init/plan.ts';
import {
  aDesiredVm,
  aDigest,
  aGuest,
  aMark,
  TEMPLATE_CONFIG,
  type Wanted,
} from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';
import { isoStorage } from '../../../../builders/views.ts';

const guest = aGuest({ config: TEMPLATE_CONFIG, mark: aMark(), running: false });
const vm = aVirtualMachine({ status: { cloneType: 'Linked' } });

function planned(release: string | undefined, want: Partial<Wanted> = {}) {
  const desired = aDesiredVm({ cloudInit: { userData: undefined, sshKeys: [] }, ...want });
  const { cloudInit: data = { userData: undefined, sshKeys: [] } } = desired;
  const known = { ...desired, cloudInit: data };
  const places = { isoStorage: undefined, storages: [isoStorage()], digest: aDigest };
  const cloudInit = planCloudInit(vm, known, guest, { ...places, release });
  const change = configChange(vm, desired, guest, { cloudInit, maxCpus: 8, nodeCpus: 16, release });
  return { cloudInit, change };
}
const saying = (userData: string): Partial<Wanted> => ({ cloudInit: { userData, sshKeys: [] } });

describe("PVE's cloud-init drive", () => {
  test('is not told about upgrades by a version that cannot be told', () => {
    expect(planned('8.0').cloudInit.keys.set).toMatchObject({ ciupgrade: '0' });
    const { cloudInit, change } = planned('7.4');
    expect(cloudInit).toMatchObject({ mode: 'Native', keys: { set: { ipconfig0: 'ip=dhcp' } } });
    expect(cloudInit.keys.set).not.toHaveProperty('ciupgrade');
    expect(change?.set).not.toHaveProperty('ciupgrade');
    // The plan is complete without it: nothing is left to be written.
    expect(isDelivered(cloudInit, { ...guest, config: { ...guest.config, ipconfig0: 'ip=dhcp' } })).toBe(
      true,
    );
  });

  test('takes all data where it can, or else an image does', () => {
    const upgrade = (value: string) => saying(`#cloud-config\npackage_upgrade: ${value}\n`);
    expect(planned('8.0', upgrade('false')).cloudInit.mode).toBe('Native');
    expect(planned(undefined, upgrade('false')).cloudInit.mode).toBe('Native');
    expect(planned('7.4', upgrade('false')).cloudInit.mode).toBe('Image');
    expect(planned('7.4', upgrade('true')).cloudInit.mode).toBe('Native');
  });
});

describe('what older versions lack is left out and reported by version', () => {
  const sentences = (want: Partial<Wanted>, release: string | undefined) =>
    unsupportedSentences(aDesiredVm(want), guest, release);

  test.each<[string, Partial<Wanted>, string, string, string]>([
    ['the OS type of Windows 11', { osType: 'win11' }, 'ostype', '7.0', '7.2'],
    ['a graphics card with OpenGL', { hardware: { vga: { type: 'virtio-gl' } } }, 'vga', '7.0', '7.2'],
    [
      'more than 16 queues',
      { nics: [{ name: 'lan', bridge: 'vmbr0', settings: { queues: '32' } }] },
      'net0',
      '7.2',
      '7.4',
    ],
  ])('%s', (_what, want, key, before, since) => {
    const set = (release: string | undefined) => planned(release, want).change?.set[key];
    expect(set(since)).toMatch(/win11|virtio-gl|queues=32/);
    expect(set(undefined)).toBe(set(since));
    expect(set(before) ?? '').not.toMatch(/win11|virtio-gl|queues=32/);
    expect(sentences(want, since)).toEqual([]);
    expect(sentences(want, undefined)).toEqual([]);
    expect(sentences(want, before)).toEqual([
      expect.stringContaining(`needs Proxmox VE ${since} or newer, but node pve-1 runs ${before}`),
    ]);
  });

  test('settings of the EFI disk', () => {
    const want: Partial<Wanted> = { bios: 'ovmf', efi: { preEnrolledKeys: true } };
    expect(planned('7.0', want).change?.set['efidisk0']).toMatch(/^[\w-]+:1$/);
    expect(sentences(want, '7.0')).toEqual([expect.stringContaining('settings of the EFI disk')]);
  });
});

test('a network interface of a model that the version does not have is planned whole: the client says why not', () => {
  const nics = [{ name: 'lan', bridge: 'vmbr0', model: 'e1000e', addresses: [] }] as never;
  expect(planned('7.0', { nics }).change?.set['net0']).toMatch(/^e1000e=.*bridge=vmbr0/);
});

describe('a TPM', () => {
  const want = { tpm: 'v2.0', bios: 'ovmf' } as const;
  const volumes = (release: string | undefined) => planned(release, want).change?.set ?? {};

  test('and an EFI disk are planned as the version has them', () => {
    expect(volumes('7.2')).toMatchObject({
      tpmstate0: expect.stringContaining('version=v2.0'),
      efidisk0: expect.stringContaining('efitype=4m'),
    });
    expect(volumes('7.0')).toEqual({ efidisk0: expect.stringMatching(/^[\w-]+:1$/) });
    expect(volumes(undefined)).toHaveProperty('tpmstate0');
  });

  test('that the version does not have is reported with the version that has it', () => {
    const [sentence, ...others] = unsupportedSentences(want, guest, '7.0');
    expect(others).toEqual([]);
    expect(sentence).toContain(`needs Proxmox VE 7.2 or newer, but node ${guest.node} runs 7.0`);
    expect(unsupportedSentences(want, guest, '7.2')).toEqual([]);
    expect(unsupportedSentences(want, guest, undefined)).toEqual([]);
    expect(unsupportedSentences({}, guest, '7.0')).toEqual([]);
  });
});
