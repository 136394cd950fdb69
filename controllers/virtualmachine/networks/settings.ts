/**
 * Optional settings of a NIC. A setting that is not in the spec is not changed. A setting of the spec is recorded in
 * status and removed when it leaves the spec. Pure.
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

const SETTINGS: readonly NicSetting[] = ['mtu', 'firewall', 'rate', 'trunks', 'link_down', 'queues'];

const OFF_IS_DEFAULT: readonly string[] = ['firewall', 'link_down', 'queues'];

/** Whether the value is PVE's default. */
const isDefault = (key: string, value: string): boolean =>
  value === '' || (OFF_IS_DEFAULT.includes(key) && value === '0');

/** The settings recorded in status, by device. */
export function recordedSettings({ status }: VirtualMachine): ReadonlyMap<string, readonly string[]> {
  const all = new Map<string, readonly string[]>();
  for (const { device, settings = [] } of [
    ...(status?.internal?.networks ?? []),
    ...(status?.networks ?? []),
  ])
    all.set(device, [...new Set([...(all.get(device) ?? []), ...settings])]);
  return all;
}

/** @param recorded - settings that the spec had before */
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

/** The canonical form of a property; `undefined` if it has PVE's default value. */
export function canonical({ key = '', value }: Property): string | undefined {
  if (isDefault(key, value)) return undefined;
  if (key === 'rate') return `${key}=${Number(value)}`;
  if (key === 'trunks') return `${key}=${value.split(';').toSorted().join(';')}`;
  return `${key}=${value}`;
}

/** The settings to record: those of the spec, and recorded ones that the NIC still has. */
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
