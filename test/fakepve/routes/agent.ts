import { failure } from '../errors.ts';
import { cloudInitRows, dumpCloudInit, regenerate } from '../cloudinit.ts';
import { globalAddress6, linkLocal, netDevices } from '../guest-network.ts';
import { agentEnabled } from '../guest.ts';
import { agentAnswers, powerOff } from '../power.ts';
import { checkLock } from '../call.ts';
import type { Call, Handler, Routes } from '../call.ts';
import type { Guest, Running } from '../guest.ts';

const GUEST = '/nodes/{node}/qemu/{vmid}';
const VERSION = '10.1.2';

interface Alive {
  readonly guest: Guest;
  readonly system: Running;
}

/** The guest's operating system, if its agent answers; otherwise times out. */
async function reach(call: Call): Promise<Alive> {
  const { guest, world } = call;
  if (!agentEnabled(guest.config)) throw failure('No QEMU guest agent configured');
  if (!guest.running) throw failure(`VM ${guest.vmid} is not running`);
  if (agentAnswers(world, guest)) return { guest, system: guest.running };
  await world.clock.sleep(world.wait(world.latency.agentTimeout));
  throw failure('QEMU guest agent is not running');
}

/** Most commands wrap the reply of the agent. */
const command =
  (answer: (alive: Alive, call: Call) => unknown): Handler =>
  async (call) => ({ result: answer(await reach(call), call) });

const statistics = {
  'rx-bytes': 120_000,
  'rx-dropped': 0,
  'rx-errs': 0,
  'rx-packets': 900,
  'tx-bytes': 80_000,
  'tx-dropped': 0,
  'tx-errs': 0,
  'tx-packets': 600,
};

function address(text: string): object {
  const [ip = '', prefix = ''] = text.split('/');
  return { 'ip-address': ip, 'ip-address-type': ip.includes(':') ? 'ipv6' : 'ipv4', prefix: Number(prefix) };
}

function interfaces({ guest, system }: Alive): readonly object[] {
  const device = (name: string, mac: string, addresses: readonly string[]): object => ({
    name,
    'hardware-address': mac,
    ...(addresses.length === 0 ? {} : { 'ip-addresses': addresses.map(address) }),
    statistics,
  });
  const nets = netDevices(guest).map(({ index, mac }) => {
    // A device that was hot-plugged does not have the settings from the boot.
    const own = system.addresses.get(mac) ?? [globalAddress6(mac)];
    return device(`eth${index}`, mac.toLowerCase(), [...own, linkLocal(mac)]);
  });
  const extra = guest.extraInterfaces.map(({ name, mac, ipv4 }) => device(name, mac, [ipv4]));
  return [device('lo', '00:00:00:00:00:00', ['127.0.0.1/8', '::1/128']), ...nets, ...extra];
}

const osInfo = {
  id: 'debian',
  'kernel-release': '6.12.48+deb13-amd64',
  'kernel-version': '#1 SMP PREEMPT_DYNAMIC Debian 6.12.48-1 (2025-09-20)',
  machine: 'x86_64',
  name: 'Debian GNU/Linux',
  'pretty-name': 'Debian GNU/Linux 13 (trixie)',
  version: '13 (trixie)',
  'version-id': '13',
};

const commands: Readonly<Record<string, (alive: Alive, call: Call) => unknown>> = {
  'GET get-osinfo': () => osInfo,
  'GET get-host-name': ({ guest }) => ({
    'host-name': (guest.get('name') ?? `VM${guest.vmid}`).split('.')[0],
  }),
  'GET get-fsinfo': () => [
    {
      name: 'sda1',
      mountpoint: '/',
      type: 'ext4',
      'used-bytes': 1_500_000_000,
      'total-bytes': 20_000_000_000,
      disk: [],
    },
  ],
  'GET get-time': (_, call) => call.world.clock.now() * 1_000_000,
  'GET get-timezone': () => ({ offset: 0, zone: 'UTC' }),
  'GET get-users': () => [],
  'GET get-vcpus': ({ guest }) =>
    Array.from({ length: guest.int('cores', 1) }, (_, i) => ({
      'logical-id': i,
      online: true,
      'can-offline': i > 0,
    })),
  'GET info': () => ({
    version: VERSION,
    supported_commands: ['guest-ping', 'guest-exec', 'guest-network-get-interfaces', 'guest-shutdown'].map(
      (name) => ({
        name,
        enabled: true,
        'success-response': name !== 'guest-shutdown',
      }),
    ),
  }),
  'GET network-get-interfaces': interfaces,
  'POST ping': () => ({}),
  'POST fstrim': () => ({ paths: [] }),
  'POST fsfreeze-freeze': ({ system }) => {
    system.frozen = true;
    return 1;
  },
  'POST fsfreeze-thaw': ({ system }) => {
    const count = system.frozen ? 1 : 0;
    system.frozen = false;
    return count;
  },
  'POST fsfreeze-status': ({ system }) => (system.frozen ? 'frozen' : 'thawed'),
  'POST shutdown': ({ guest }, call) => {
    const { world } = call;
    void world.clock.sleep(world.wait(world.latency.guestShutdown)).then(() => powerOff(world, guest));
    return {};
  },
};

async function exec(call: Call): Promise<object> {
  const { guest, system } = await reach(call);
  const argv = call.text('command').split('\0');
  const pid = call.world.tasks.pid();
  const out = argv[0]?.endsWith('echo') ? `${argv.slice(1).join(' ')}\n` : '';
  const program = argv[0]?.split('/').at(-1);
  if (program === 'nonexistent')
    throw failure(
      `Agent error: Guest agent command failed, error was 'Failed to execute child process “${argv[0] ?? ''}” (No such file or directory)'`,
    );
  const ms = program === 'sleep' ? Number(argv[1]) * 1000 : 0;
  const until = call.world.clock.now() + call.world.wait(ms);
  const fails = program === 'false' || (program === 'test' && !system.files.has(argv[2] ?? ''));
  system.processes.set(pid, { out, until, code: fails ? 1 : 0 });
  guest.commands.push(argv.join(' '));
  return { pid };
}

async function execStatus(call: Call): Promise<object> {
  const { system } = await reach(call);
  const process = system.processes.get(Number(call.text('pid')));
  if (!process) throw failure("Agent error: Invalid parameter 'pid'");
  if (call.world.clock.now() < process.until) return { exited: 0 };
  return { exited: 1, exitcode: process.code, ...(process.out === '' ? {} : { 'out-data': process.out }) };
}

async function readFile(call: Call): Promise<object> {
  const { system } = await reach(call);
  const file = call.text('file');
  const content = system.files.get(file);
  if (content === undefined)
    throw failure(`Agent error: failed to open file '${file}' (mode: 'r'): No such file or directory`);
  return { content, 'bytes-read': Buffer.byteLength(content) };
}

async function writeFile(call: Call): Promise<null> {
  const { system } = await reach(call);
  const encoded = call.flag('encode') === false;
  const content = call.text('content');
  system.files.set(call.text('file'), encoded ? Buffer.from(content, 'base64').toString() : content);
  return null;
}

function makeDrive(call: Call): null {
  const { guest, world } = call;
  checkLock(guest);
  regenerate(world, guest);
  return null;
}

/** The password is only shown to callers that may set it. */
function dump(call: Call): string {
  const mask = !call.may(`/vms/${call.vmid}`, 'VM.Config.Cloudinit');
  return dumpCloudInit(call.guest, call.text('type'), mask);
}

export const agentRoutes: Routes = {
  ...Object.fromEntries(
    Object.entries(commands).map(([key, answer]) => {
      const [method = '', name = ''] = key.split(' ');
      return [`${method} ${GUEST}/agent/${name}`, command(answer)];
    }),
  ),
  [`GET ${GUEST}/agent`]: () => Object.keys(commands).map((key) => ({ name: key.split(' ')[1] })),
  [`POST ${GUEST}/agent/exec`]: exec,
  [`GET ${GUEST}/agent/exec-status`]: execStatus,
  [`GET ${GUEST}/agent/file-read`]: readFile,
  [`POST ${GUEST}/agent/file-write`]: writeFile,
  [`GET ${GUEST}/cloudinit`]: (call) => cloudInitRows(call.guest),
  [`PUT ${GUEST}/cloudinit`]: makeDrive,
  [`GET ${GUEST}/cloudinit/dump`]: dump,
};
