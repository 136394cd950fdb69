/**
 * Reads a VirtualMachine as docs/kinds/virtualmachine.md and vmclass.md do, and says where its guest differs. It uses
 * nothing of the operator: an error of the operator's encoding must not be an error of its judge as well.
 */
import type { Guest, KubeObject } from '../world.ts';

/** A field of the spec, what the guest has to have for it, and what it has. */
export interface Reading {
  readonly field: string;
  readonly expected: string;
  readonly actual: string;
}

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? { ...value } : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const UNITS = {
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/** In MiB; of a Kubernetes quantity as the campaign writes them, or of a size of Proxmox VE, which has powers of 1024. */
export function mebibytes(text: string): number {
  const [, digits = '', unit = ''] = /^([\d.]+)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = unit === '' ? 1 : (Object.entries(UNITS).find(([name]) => name === unit)?.[1] ?? NaN);
  return (Number(digits) * factor) / 2 ** 20;
}

/** `virtio=…,bridge=vmbr0` and `storage:volume,size=1G`; what has no name is under ``. */
export const options = (value = ''): Readonly<Record<string, string>> =>
  Object.fromEntries(
    value.split(',').map((part) => {
      const at = part.indexOf('=');
      return at < 0 ? ['', part] : [part.slice(0, at), part.slice(at + 1)];
    }),
  );

const flag = (value: unknown): string => (value === true ? '1' : '0');

/** Only what the spec gives is compared: a field that is absent leaves the guest as it is. */
class Readings {
  readonly found: Reading[] = [];

  given(
    field: string,
    value: unknown,
    read: (value: unknown) => readonly [expected: string, actual: string],
  ): void {
    if (value === undefined) return;
    const [expected, actual] = read(value);
    this.found.push({ field, expected, actual });
  }
}

const cpusOf = ({ config }: Guest): string =>
  config['vcpus'] ?? String(Number(config['sockets'] ?? 1) * Number(config['cores'] ?? 1));

/** With a ceiling the balloon holds what the guest has; without one it is the memory itself. */
const memoryOf = ({ config }: Guest, hasCeiling: boolean): string =>
  String(Number((hasCeiling ? config['balloon'] : undefined) ?? options(config['memory'])[''] ?? 512));

function readClass(to: Readings, { spec }: KubeObject, guest: Guest): void {
  const hardware = fields(spec['hardware']);
  const { config } = guest;
  to.given('class cpus', spec['cpus'], (cpus) => [String(cpus), cpusOf(guest)]);
  to.given('class memory', spec['memory'], (memory) => [
    String(mebibytes(String(memory))),
    memoryOf(guest, spec['maxMemory'] !== undefined),
  ]);
  to.given('class cpuType', spec['cpuType'], (type) => [
    String(type),
    options(config['cpu'])['cputype'] ?? options(config['cpu'])[''] ?? 'kvm64',
  ]);
  to.given('class hardware.numa', hardware['numa'], (numa) => [flag(numa), config['numa'] ?? '0']);
  to.given('class hardware.sockets', hardware['sockets'], (count) => [
    String(count),
    config['sockets'] ?? '1',
  ]);
  to.given('class hardware.tablet', hardware['tablet'], (tablet) => [flag(tablet), config['tablet'] ?? '1']);
  to.given('class hardware.vga.type', fields(hardware['vga'])['type'], (type) => [
    String(type),
    options(config['vga'])['type'] ?? options(config['vga'])[''] ?? 'std',
  ]);
}

const RUNNING = new Set<unknown>(['On', true, undefined]);

function readVm(to: Readings, { metadata, spec }: KubeObject, guest: Guest): void {
  const { config } = guest;
  const power = spec['powerState'];
  to.given('powerState', power ?? 'On', () => [
    RUNNING.has(power) ? 'running' : 'stopped',
    guest.status === 'running' ? 'running' : 'stopped',
  ]);
  to.given('name', spec['guestName'] ?? metadata.name, (name) => [String(name), config['name'] ?? '']);
  to.given('onBoot', spec['onBoot'], (onBoot) => [flag(onBoot), config['onboot'] ?? '0']);
  to.given('protection', spec['protection'], (protection) => [flag(protection), config['protection'] ?? '0']);
  to.given('description', spec['description'], (text) => [
    String(text),
    (config['description'] ?? '').slice(0, String(text).length),
  ]);
  to.given('placement.host', fields(spec['placement'])['host'], (host) => [String(host), guest.node]);
  to.given('tags', spec['tags'], (tags) => {
    const wanted = list(tags).map(String);
    const has = (config['tags'] ?? '').split(/[;, ]/);
    return [wanted.join(' '), wanted.filter((tag) => has.includes(tag)).join(' ')];
  });
  to.given('startup.order', fields(spec['startup'])['order'], (order) => [
    String(order),
    options(config['startup'])['order'] ?? '',
  ]);
}

const MODELS = ['virtio', 'e1000', 'e1000e', 'rtl8139', 'vmxnet3'];
const BRIDGES: Readonly<Record<string, string>> = { lan: 'vmbr0' };

function readNetworks(to: Readings, { spec }: KubeObject, { config }: Guest): void {
  for (const [index, entry] of list(spec['networks']).entries()) {
    const network = fields(entry);
    const name = String(network['name']);
    const nic = options(config[`net${index}`]);
    const field = (of: string) => `networks ${name} ${of}`;
    const bridge = network['bridge'] ?? BRIDGES[name];
    to.given(field('bridge'), bridge, (wanted) => [String(wanted), nic['bridge'] ?? '']);
    to.given(field('vlan'), network['vlan'] ?? 'none', (vlan) => [String(vlan), nic['tag'] ?? 'none']);
    to.given(field('model'), network['model'], (model) => [
      String(model),
      MODELS.find((known) => known in nic) ?? '',
    ]);
    to.given(field('mac'), network['mac'], (mac) => [
      String(mac).toUpperCase(),
      MODELS.map((model) => nic[model]).find((found) => found !== undefined) ?? '',
    ]);
    to.given(field('firewall'), network['firewall'], (on) => [flag(on), nic['firewall'] ?? '0']);
    to.given(field('linkDown'), network['linkDown'], (down) => [flag(down), nic['link_down'] ?? '0']);
    to.given(field('mtu'), network['mtu'], (mtu) => [String(mtu), nic['mtu'] ?? '']);
    to.given(field('queues'), network['queues'], (queues) => [String(queues), nic['queues'] ?? '0']);
    to.given(field('rateLimit'), network['rateLimit'], (rate) => [String(rate), nic['rate'] ?? '']);
    to.given(field('trunks'), network['trunks'], (trunks) => [list(trunks).join(';'), nic['trunks'] ?? '']);
  }
}

const LIMITS = { readIOPS: 'iops_rd', writeIOPS: 'iops_wr', readMBps: 'mbps_rd', writeMBps: 'mbps_wr' };
const ON_OFF = { ssd: 'ssd', iothread: 'iothread' };
/** Of these 1 is what Proxmox VE does where the drive says nothing. */
const ON_UNLESS_SAID = { backup: 'backup', replicate: 'replicate' };

function readDisks(to: Readings, { spec, status }: KubeObject, { config }: Guest): void {
  const devices = new Map(
    list(status['disks']).map((disk) => [String(fields(disk)['name']), String(fields(disk)['device'])]),
  );
  for (const entry of list(spec['disks'])) {
    const disk = fields(entry);
    const name = String(disk['name']);
    const drive = options(config[devices.get(name) ?? '']);
    const field = (of: string) => `disks ${name} ${of}`;
    to.given(field('size'), disk['size'], (size) => [
      String(mebibytes(String(size))),
      String(mebibytes(drive['size'] ?? '0')),
    ]);
    to.given(field('storageClass'), disk['storageClass'], (storage) => [
      String(storage),
      (drive[''] ?? '').split(':')[0] ?? '',
    ]);
    to.given(field('cache'), disk['cache'], (cache) => [String(cache), drive['cache'] ?? '']);
    to.given(field('aio'), disk['aio'], (aio) => [String(aio), drive['aio'] ?? '']);
    to.given(field('discard'), disk['discard'], (on) => [
      on === true ? 'on' : 'ignore',
      drive['discard'] ?? 'ignore',
    ]);
    for (const [key, option] of Object.entries(ON_OFF))
      to.given(field(key), disk[key], (on) => [flag(on), drive[option] ?? '0']);
    for (const [key, option] of Object.entries(ON_UNLESS_SAID))
      to.given(field(key), disk[key], (on) => [flag(on), drive[option] ?? '1']);
    for (const [key, option] of Object.entries(LIMITS))
      to.given(field(`limits.${key}`), fields(disk['limits'])[key], (limit) => [
        String(limit),
        drive[option] ?? '0',
      ]);
  }
}

/** Every difference; none for a guest that is as the spec says. */
export function differences(vm: KubeObject, ofClass: KubeObject, guest: Guest): readonly Reading[] {
  const readings = new Readings();
  readClass(readings, ofClass, guest);
  readVm(readings, vm, guest);
  readNetworks(readings, vm, guest);
  readDisks(readings, vm, guest);
  return readings.found.filter(({ expected, actual }) => expected !== actual);
}
