/** The configuration that a template is created with. Pure. */
import type { VMImage } from '../../../src/api/index.ts';
import { describeTemplate, type ImageMark } from '../../shared/guests/image-mark.ts';

const MAX_NAME = 63;
/** VMs have their own: it only has to be valid. */
const MEMORY_MIB = 1024;

const isUefi = (bios: string | undefined): boolean => bios === 'uefi' || bios === 'ovmf';

/** @param volume of the file that the disk is imported from */
export function settingsOf(
  { metadata, spec: { template = {} } }: Pick<VMImage, 'metadata' | 'spec'>,
  mark: ImageMark,
  { storage, volume }: { readonly storage: string; readonly volume: string },
): Readonly<Record<string, string | number>> {
  const { bios, efi, machine, osType, scsiController } = template;
  const { agent = true, serialConsole = true, cloudInitDrive = true } = template;
  const type = machine ?? (isUefi(bios) ? 'q35' : undefined);
  return {
    name: metadata.name.slice(0, MAX_NAME).replace(/[^a-z0-9]+$/, ''),
    description: describeTemplate(mark),
    cores: 1,
    memory: MEMORY_MIB,
    ostype: osType ?? 'l26',
    scsihw: scsiController ?? 'virtio-scsi-single',
    scsi0: `${storage}:0,import-from=${volume}`,
    boot: 'order=scsi0',
    agent: agent ? '1' : '0',
    ...(type !== undefined && type !== 'pc' && { machine: type }),
    ...(serialConsole && { serial0: 'socket', vga: 'serial0' }),
    ...(cloudInitDrive && { ide2: `${storage}:cloudinit` }),
    ...(isUefi(bios) && {
      bios: 'ovmf',
      efidisk0: `${storage}:1,efitype=${efi?.type ?? '4m'},pre-enrolled-keys=${efi?.preEnrolledKeys ? 1 : 0}`,
    }),
  };
}
