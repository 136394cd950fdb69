/** `kubectl vm ssh`. */
import { isIP } from 'node:net';
import { parse } from 'yaml';
import { z } from 'zod';
import { part, textAt, valueAt, type Stored } from '../cluster/objects.ts';
import type { Call, Command } from '../command.ts';
import { CliError } from '../failure.ts';
import { VM_KIND } from '../vm-change.ts';

export const ssh: Command = {
  name: 'ssh',
  usage: 'NAME [flags] [-- ARGUMENTS]',
  summary: 'Log in to a VM with the ssh of this machine',
  about: [
    'The address is the first one that the VM reports. The user is that of `--login`, or the first one that `userData.cloudInit.inline` names, or the one that ssh chooses. What follows `--` is the command to run in the guest. The exit code is that of ssh.',
  ],
  examples: [
    { text: 'Log in', command: 'kubectl vm ssh web' },
    { text: 'Run a command as root', command: 'kubectl vm ssh web --login=root -- uptime' },
  ],
  flags: [
    { name: 'login', value: 'USER', meaning: 'user to log in as' },
    { name: 'address', value: 'IP', meaning: 'another address than the first one' },
    { name: 'identity-file', short: 'i', value: 'FILE', meaning: 'private key, as of ssh -i' },
    { name: 'port', short: 'p', value: 'PORT', meaning: 'port, as of ssh -p' },
    { name: 'print', meaning: 'print the command instead of running it' },
  ],
  args: { min: 1, max: 1 },
  completes: ['VirtualMachine'],
  async run(call) {
    const [name = ''] = call.args;
    const cluster = await call.cluster();
    const vm = await cluster.get(VM_KIND, { namespace: cluster.namespace, name });
    const words = sshArguments(call, vm);
    if (call.flags.is('print')) {
      call.terminal.out(`ssh ${words.map(quoted).join(' ')}\n`);
      return 0;
    }
    try {
      return await call.terminal.run('ssh', words);
    } catch {
      throw new CliError('ssh could not be started: it is not on the PATH');
    }
  },
};

/** The address comes from the guest, and the user from the spec: neither may be read as an option of ssh. */
export function sshArguments({ args: [name = ''], flags, rest }: Call, vm: Stored): readonly string[] {
  const address = flags.text('address') ?? firstAddress(vm);
  if (address === undefined || isIP(address) === 0)
    throw new CliError(`${name} reports no address. See kubectl vm why ${name}`);
  const user = flags.text('login') ?? userOf(vm);
  if (user !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/.test(user))
    throw new CliError(`"${user}" is not the name of a user`);
  const key = flags.text('identity-file');
  const port = flags.text('port');
  return [
    ...(key === undefined ? [] : ['-i', key]),
    ...(port === undefined ? [] : ['-p', port]),
    ...(user === undefined ? [] : ['-l', user]),
    '--',
    address,
    ...rest,
  ];
}

const firstAddress = (vm: Stored): string | undefined =>
  part(z.array(z.string()), valueAt(vm, 'status.ipAddresses'))?.find((address) => isIP(address) !== 0);

const Named = z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)]);
const CloudConfig = z.object({
  user: Named.optional().catch(undefined),
  users: z.array(Named.catch('default')).optional().catch(undefined),
});

/** The first user that the cloud-config names; the image's own is not known. */
function userOf(vm: Stored): string | undefined {
  const text = textAt(vm, 'spec.userData.cloudInit.inline');
  if (text?.startsWith('#cloud-config') !== true) return undefined;
  const config = part(CloudConfig, parsed(text));
  return [...(config?.users ?? []), config?.user].find((user) => user !== undefined && user !== 'default');
}

function parsed(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** For a shell. */
const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
