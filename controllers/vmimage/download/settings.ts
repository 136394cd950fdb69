/** The configuration that a template is created with. Pure. */
import type { VMImage } from '../../../src/api/index.ts';
import { describeTemplate, type ImageMark } from '../../shared/guests/image-mark.ts';

const MAX_NAME = 63;
/** VMs have their own: it only has to be valid. */
const MEMORY_MIB = 1024;

/** @param volume of the file that the disk is imported from */
export function settingsOf(
  { metadata, spec: { template = {} } }: Pick<VMImage, 'metadata' | 'spec'>,
  mark: ImageMark,
  { storage, volume }: { readonly storage: string; readonly volume: string },
): Readonly<Record<string, string | number>> {
  return {
    name: metadata.name.slice(0, MAX_NAME).replace(/[^a-z0-9]+$/, ''),
    description: describeTemplate(mark),
    // A clone has a copy of the mark, and a UUID of its own.
    smbios1: `uuid=${mark.uid}`,
    cores: 1,
    memory: MEMORY_MIB,
    ostype: template.osType ?? 'l26',
    scsihw: template.scsiController ?? 'virtio-scsi-single',
    scsi0: `${storage}:0,import-from=${volume}`,
    boot: 'order=scsi0',
    agent: template.agent === false ? '0' : '1',
    ...(template.serialConsole !== false && { serial0: 'socket', vga: 'serial0' }),
    ...(template.cloudInitDrive !== false && { ide2: `${storage}:cloudinit` }),
    ...firmwareOf(template, storage),
  };
}

type Template = NonNullable<VMImage['spec']['template']>;

function firmwareOf({ bios, efi, machine }: Template, storage: string): Readonly<Record<string, string>> {
  const isUefi = bios === 'uefi' || bios === 'ovmf';
  const type = machine ?? (isUefi ? 'q35' : 'pc');
  const own: Readonly<Record<string, string>> = type === 'pc' ? {} : { machine: type };
  if (!isUefi) return own;
  const keys = efi?.preEnrolledKeys ? 1 : 0;
  return {
    ...own,
    bios: 'ovmf',
    efidisk0: `${storage}:1,efitype=${efi?.type ?? '4m'},pre-enrolled-keys=${keys}`,
  };
}
