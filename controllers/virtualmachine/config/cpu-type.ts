/** The emulated processor: the class's wish ⇄ PVE's key `cpu`. Flags and whatever else stands there is kept. Pure. */
import { parseProperties, printProperties, property } from '../../../src/pve/index.ts';
import { NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';

const KEY = 'cputype';

export function cpuTypeKeys(desired: string | undefined, config: GuestConfig): Keys {
  const now = parseProperties(config['cpu'] ?? '');
  if (desired === undefined || property(now, KEY, KEY) === desired) return NO_KEYS;
  const others = now.filter(({ key }) => key !== undefined && key !== KEY);
  return { set: { cpu: printProperties([{ value: desired }, ...others]) }, delete: [] };
}
