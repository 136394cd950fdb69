/** Settings that only a new guest gets: firmware, machine type, TPM, system and SCSI controller. Pure. */
import { parseProperties, property } from '../../../src/pve/index.ts';
import { rootDiskOf } from '../../shared/guests/disks.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import type { EfiDisk, Shape } from '../model/desired.ts';

const DEFAULT_BIOS = 'seabios';
const DEFAULT_OS_TYPE = 'other';
const DEFAULT_SCSI = 'lsi';

/** `q35` and `pc` match any of their versions; a version matches only itself. */
function sameMachine(desired: string, current: string | undefined): boolean {
  const type = property(parseProperties(current ?? 'pc'), 'type', 'type') ?? 'pc';
  if (desired === type) return true;
  const family = (name: string): string => (name === 'q35' || name.startsWith('pc-q35') ? 'q35' : 'pc');
  return (desired === 'q35' || desired === 'pc') && family(type) === desired;
}

function firmwareVolumes(
  { bios, tpm, efi }: { readonly bios: string } & Pick<Shape, 'tpm' | 'efi'>,
  storage: string,
  config: GuestConfig,
): Keys['set'] {
  return {
    // Without an EFI disk the firmware loses its settings at every start, and each start task ends with a warning.
    ...(bios === 'ovmf' &&
      config['efidisk0'] === undefined && { efidisk0: `${storage}:1,${efiProperties(efi)}` }),
    ...(tpm !== undefined &&
      config['tpmstate0'] === undefined && { tpmstate0: `${storage}:1,version=${tpm}` }),
  };
}

const efiProperties = ({ type = '4m', preEnrolledKeys = false }: EfiDisk = {}): string =>
  `efitype=${type},pre-enrolled-keys=${Number(preEnrolledKeys)}`;

/** The system of a copy was installed on the hardware of its source, and may not start on any other. */
export function firmwareAtCreation(want: Shape, config: GuestConfig): Keys {
  const storage = rootDiskOf(config)?.storage;
  const current = config['bios'] ?? DEFAULT_BIOS;
  const bios = (want.isCopy === true ? undefined : want.bios) ?? current;
  return {
    set: {
      ...(bios !== current && { bios }),
      ...(storage !== undefined && firmwareVolumes({ ...want, bios }, storage, config)),
      ...(want.isCopy === true ? {} : systemAtCreation(want, config)),
    },
    delete: [],
  };
}

const systemAtCreation = ({ machine, osType, scsiController }: Shape, config: GuestConfig): Keys['set'] => ({
  ...(machine !== undefined && !sameMachine(machine, config['machine']) && { machine }),
  ...(differs(osType, config['ostype'] ?? DEFAULT_OS_TYPE) && { ostype: osType }),
  ...(differs(scsiController, config['scsihw'] ?? DEFAULT_SCSI) && { scsihw: scsiController }),
});

const differs = (wanted: string | undefined, now: string): wanted is string =>
  wanted !== undefined && wanted !== now;

/** What differs of the settings that only a new guest gets: a sentence each. */
export function firmwareDifferences(want: Shape, config: GuestConfig): string[] {
  const sentence = want.isCopy === true ? keptByCopy : setAtCreation;
  return [
    ...differencesOf(want, config).map((difference) => sentence(...difference)),
    ...(want.tpm !== undefined && config['tpmstate0'] === undefined
      ? [`The VM has no TPM, but the class says ${want.tpm}. A TPM is added only when a VM is created.`]
      : []),
    ...efiDifferences(want, config),
  ];
}

type Difference = readonly [what: string, now: string, wanted: string];

function differencesOf({ bios, machine, osType, scsiController }: Shape, config: GuestConfig): Difference[] {
  const settings = [
    ['The firmware', config['bios'] ?? DEFAULT_BIOS, bios],
    ['The OS type', config['ostype'] ?? DEFAULT_OS_TYPE, osType],
    ['The SCSI controller', config['scsihw'] ?? DEFAULT_SCSI, scsiController],
  ] as const;
  return [
    ...settings.flatMap(([what, now, wanted]): Difference[] =>
      differs(wanted, now) ? [[what, now, wanted]] : [],
    ),
    ...(machine !== undefined && !sameMachine(machine, config['machine'])
      ? [['The machine type', config['machine'] ?? 'pc', machine] as const]
      : []),
  ];
}

const keptByCopy = (what: string, now: string, wanted: string): string =>
  `${what} is ${now}, but the class asks for ${wanted}. A copy keeps that of its source, on which its system was installed: use a class that asks for none, or for that of the VM.`;

const setAtCreation = (what: string, now: string, wanted: string): string =>
  `${what} is ${now}, but the class asks for ${wanted}. It is set only when a VM is created: use a class that asks for none, or for that of the VM.`;

/** The template's EFI disk is copied, whatever it is. */
function efiDifferences({ efi }: Pick<Shape, 'efi'>, config: GuestConfig): string[] {
  if (efi === undefined) return [];
  const text = config['efidisk0'];
  if (text === undefined)
    return [
      config['bios'] === 'ovmf'
        ? 'The VM has no EFI disk, but the class asks for one. It is added only when a VM is created.'
        : 'The class has settings for an EFI disk, which need UEFI, but the firmware of the VM is seabios. Set spec.bios of the class to uefi, or remove spec.efi.',
    ];
  const properties = parseProperties(text);
  const type = property(properties, 'efitype') ?? '2m';
  const keys = property(properties, 'pre-enrolled-keys') === '1';
  const { type: wantedType = type, preEnrolledKeys = keys } = efi;
  if (wantedType === type && preEnrolledKeys === keys) return [];
  const described = (size: string, enrolled: boolean): string =>
    `type ${size} ${enrolled ? 'with' : 'without'} pre-enrolled keys`;
  return [
    `The EFI disk is of ${described(type, keys)}, but the class asks for ${described(wantedType, preEnrolledKeys)}. It is made only when a VM is created whose template has none: use a class that asks for that of the VM.`,
  ];
}
