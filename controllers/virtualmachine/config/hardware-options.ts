/** Hardware of the class besides CPUs, memory and disks, as PVE's keys. What the class omits is left as it is. Pure. */
import {
  parseProperties,
  printProperties,
  property,
  withProperty,
  type PropertyString,
} from '../../../src/pve/index.ts';
import { mergeKeys, NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import type { RestrictedKey } from '../model/config.ts';
import type { Hardware, Shape } from '../model/desired.ts';
import { plugsMemory } from './memory-modules.ts';

const RESTRICTED: readonly string[] = ['hugepages', 'rng0'] satisfies readonly RestrictedKey[];

export const isRestricted = (key: string): key is RestrictedKey => RESTRICTED.includes(key);

/** PVE has no more serial ports. */
const MAX_SERIAL = 4;
const HUGEPAGES = { any: 'any', '2Mi': '2', '1Gi': '1024' } as const;

const set = (key: string, value: string | number): Keys => ({ set: { [key]: value }, delete: [] });

const flag = (key: string, wanted: boolean | undefined, { config, usual }: Flag): Keys =>
  wanted === undefined || wanted === ((config[key] ?? usual) === '1') ? NO_KEYS : set(key, Number(wanted));

interface Flag {
  readonly config: GuestConfig;
  /** PVE's default. */
  readonly usual: '0' | '1';
}

/** Properties of one key: those that are wanted replace what there is, and the others stay. */
function properties(
  key: string,
  wanted: Readonly<Record<string, string | undefined>> | undefined,
  { config, main = '', usual = {} }: Properties,
): Keys {
  if (wanted === undefined) return NO_KEYS;
  const now: PropertyString = parseProperties(config[key] ?? '').map(({ key: name = main, value }) => ({
    key: name,
    value,
  }));
  const entries = Object.entries(wanted).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  if (
    config[key] !== undefined &&
    entries.every(([name, value]) => (property(now, name) ?? usual[name]) === value)
  )
    return NO_KEYS;
  const next = entries.reduce<PropertyString>((all, [name, value]) => withProperty(all, name, value), now);
  return set(key, printProperties(next.map((each) => (each.key === main ? { value: each.value } : each))));
}

interface Properties {
  readonly config: GuestConfig;
  /** The property whose name may be omitted. Absent: PVE wants all names. */
  readonly main?: string;
  /** PVE's defaults. */
  readonly usual?: Readonly<Record<string, string>>;
}

function serialPorts(count: number | undefined, config: GuestConfig): Keys {
  if (count === undefined) return NO_KEYS;
  const ports = Array.from({ length: MAX_SERIAL }, (_, index) => `serial${index}`);
  return {
    set: Object.fromEntries(
      ports
        .slice(0, count)
        .filter((port) => config[port] === undefined)
        .map((port) => [port, 'socket']),
    ),
    // A port that is a device of the node is somebody else's.
    delete: ports.slice(count).filter((port) => config[port] === 'socket'),
  };
}

/** The keys that PVE does not refuse separately. */
export const hardwareOptionKeys = (
  { numa, vga, serial, audio, tablet }: Hardware,
  config: GuestConfig,
): Keys =>
  mergeKeys(
    keepsNuma(numa, config) ? NO_KEYS : flag('numa', numa, { config, usual: '0' }),
    flag('tablet', tablet, { config, usual: '1' }),
    properties('vga', vga, { config, main: 'type' }),
    serialPorts(serial, config),
    properties('audio0', audio, { config, usual: { driver: 'spice' } }),
  );

export const restrictedKeys = ({ hugepages, rng }: Hardware, config: GuestConfig): Keys =>
  mergeKeys(
    hugepages === undefined || config['hugepages'] === HUGEPAGES[hugepages]
      ? NO_KEYS
      : set('hugepages', HUGEPAGES[hugepages]),
    properties('rng0', rng, {
      config,
      main: 'source',
      usual: { max_bytes: '1024', period: '1000' },
    }),
  );

/** PVE starts no guest without NUMA that has memory hotplug or huge pages (qemu-server, QemuServer/Memory.pm). */
const keepsNuma = (numa: boolean | undefined, config: GuestConfig): boolean =>
  numa === false && (plugsMemory(config) || config['hugepages'] !== undefined);

/** For the condition FieldsIgnored. */
export const hardwareIgnored = (
  { hardware: { numa } = {} }: Pick<Shape, 'hardware'>,
  config: GuestConfig,
): readonly string[] =>
  keepsNuma(numa, config) && config['numa'] === '1'
    ? [
        `The class says hardware.numa: false, but the VM has ${plugsMemory(config) ? 'memory hotplug' : 'huge pages'}, which needs NUMA: it stays on. Remove the field from the class.`,
      ]
    : [];
