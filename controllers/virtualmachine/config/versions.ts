/** What the version of PVE on the guest's node does not know is not planned, and reported where the spec asks for it. Pure. */
import { fitParams, isAliveIn, OPTION_LIFETIMES, printLifetime } from '../../../src/pve/index.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { DesiredNic, Hardware, Shape } from '../model/desired.ts';

type Release = string | undefined;

/** Without this the plan would ask for what is never there. The client would leave it out, or refuse to send it. */
export const knownKeys = <K extends Keys>(keys: K, release: Release): K => ({
  ...keys,
  set: fitParams(keys.set, OPTION_LIFETIMES, release).params,
});

/** A version that is not known counts as the newest. */
export const hasOption = (key: string, release: Release): boolean =>
  release === undefined || isAliveIn(OPTION_LIFETIMES[key] ?? {}, release);

/** Values of property strings, and bounds, that older versions do not have: the client does not know of them. */
const SINCE = { virtioGl: '7.2', efi: '7.2', manyQueues: '7.4', mappings: '8.0' } as const;
const MAX_QUEUES_BEFORE = 16;

/** Without what the version does not have. */
export const knownHardware = <W extends Pick<Shape, 'hardware' | 'nics' | 'devices'>>(
  want: W,
  release: Release,
): W => ({
  ...want,
  ...(want.devices && !isSince(SINCE.mappings, release) && { devices: [] }),
  ...(want.hardware && !hasVga(want.hardware, release) && { hardware: { ...want.hardware, vga: undefined } }),
  ...(want.nics && { nics: want.nics.map((nic) => (hasQueues(nic, release) ? nic : withoutQueues(nic))) }),
});

const hasQueues = ({ settings }: DesiredNic, release: Release): boolean =>
  Number(settings?.queues ?? 0) <= MAX_QUEUES_BEFORE || isSince(SINCE.manyQueues, release);

function withoutQueues(nic: DesiredNic): DesiredNic {
  const { queues: _queues, ...settings } = nic.settings ?? {};
  return { ...nic, settings };
}

const hasVga = ({ vga }: Hardware, release: Release): boolean =>
  vga?.['type'] !== 'virtio-gl' || isSince(SINCE.virtioGl, release);

const isSince = (since: string, release: Release): boolean =>
  release === undefined || isAliveIn({ since }, release);

/** What the spec asks for that the version does not have, and what follows from it. */
type Lacking = readonly [what: string, since: string, effect: string];

const CLASS = 'The class asks for';
const NO_EFFECT = 'it has no effect';

type Wanted = Pick<Shape, 'tpm' | 'osType' | 'efi' | 'hardware' | 'nics' | 'devices'>;

/** For the condition FieldsIgnored. */
export const unsupportedSentences = (
  want: Wanted,
  { node, config }: Pick<Guest, 'node' | 'config'>,
  release: Release,
): readonly string[] =>
  [...lackingSettings(want, config, release), ...lackingDevices(want, release)].map((each) =>
    sentence(each, node, release),
  );

/** What a new guest does not get. */
function lackingSettings({ tpm, osType, efi }: Wanted, config: Guest['config'], release: Release): Lacking[] {
  const lacks = (key: string): boolean => !hasOption(key, release);
  const since = (key: string): string => OPTION_LIFETIMES[key]?.since ?? '';
  const osOption = `ostype=${osType ?? ''}`;
  return [
    ...(tpm !== undefined && config['tpmstate0'] === undefined && lacks('tpmstate0')
      ? [[`${CLASS} a TPM`, since('tpmstate0'), 'the VM has none'] as const]
      : []),
    ...(lacks(osOption) ? [[`${CLASS} OS type ${osType ?? ''}`, since(osOption), NO_EFFECT] as const] : []),
    ...(efi !== undefined && lacks('efidisk0.efitype')
      ? [[`${CLASS} settings of the EFI disk`, SINCE.efi, NO_EFFECT] as const]
      : []),
  ];
}

const lackingDevices = ({ hardware = {}, nics = [], devices = [] }: Wanted, release: Release): Lacking[] => [
  ...(devices.length > 0 && !isSince(SINCE.mappings, release)
    ? [['The spec asks for devices by resource mapping', SINCE.mappings, 'the VM has none'] as const]
    : []),
  ...nics
    .filter((nic) => !hasQueues(nic, release))
    .map(
      ({ name }) =>
        [
          `Network ${name} asks for more than ${MAX_QUEUES_BEFORE} queues`,
          SINCE.manyQueues,
          NO_EFFECT,
        ] as const,
    ),
  ...(hasVga(hardware, release)
    ? []
    : [[`${CLASS} graphics card virtio-gl`, SINCE.virtioGl, NO_EFFECT] as const]),
];

const sentence = ([what, since, effect]: Lacking, node: string, release: Release): string =>
  `${what}, which needs ${printLifetime({ since })}, but node ${node} runs ${release ?? ''}: ${effect}.`;
