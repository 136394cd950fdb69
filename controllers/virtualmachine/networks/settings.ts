/**
 * The optional settings of a NIC. One that the spec lacks stays as it is, be it the template's or a person's;
 * one that the spec gave is remembered in status, and goes when it leaves the spec. Pure.
 */
import type { VirtualMachine } from '../../../src/api/index.ts';
import {
  parseNic,
  property,
  withProperty,
  type Property,
  type PropertyString,
} from '../../../src/pve/index.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import type { NicSetting, DesiredNic } from '../model/desired.ts';

const SETTINGS: readonly NicSetting[] = ['mtu', 'firewall', 'rate', 'trunks', 'link_down'];

/** What PVE does without the key. */
const isDefault = (key: string, value: string): boolean =>
  value === '' || ((key === 'firewall' || key === 'link_down') && value === '0');

/** By device: the settings that the spec gave, as status remembers them. */
export const recordedSettings = (vm: VirtualMachine): ReadonlyMap<string, readonly string[]> =>
  new Map((vm.status?.networks ?? []).map(({ device, settings = [] }) => [device, settings]));

/** @param given settings that the spec gave before */
export function withSettings(
  properties: PropertyString,
  { settings = {} }: Pick<DesiredNic, 'settings'>,
  recorded: readonly string[],
): PropertyString {
  return SETTINGS.reduce((all, key) => {
    const wanted = settings[key];
    if (wanted === undefined) return recorded.includes(key) ? withProperty(all, key, undefined) : all;
    return withProperty(all, key, isDefault(key, wanted) ? undefined : wanted);
  }, properties);
}

/** The property in the one form that it is compared in; `undefined`: it says what holds without it. */
export function canonical({ key = '', value }: Property): string | undefined {
  if (isDefault(key, value)) return undefined;
  if (key === 'rate') return `${key}=${Number(value)}`;
  if (key === 'trunks') return `${key}=${value.split(';').toSorted().join(';')}`;
  return `${key}=${value}`;
}

/** What status shall remember of a NIC: what the spec gives, and what it gave that is still there. */
export function settingsToRecord(
  device: string,
  desired: DesiredNic | undefined,
  { config, recorded }: { readonly config: GuestConfig; readonly recorded: readonly string[] },
): readonly string[] {
  const { properties } = parseNic(config[device] ?? '');
  return SETTINGS.filter(
    (key) =>
      desired?.settings?.[key] !== undefined ||
      (recorded.includes(key) && property(properties, key) !== undefined),
  );
}
