/** `kubectl vm console`. */
import { textAt } from '../cluster/objects.ts';
import type { Call, Command } from '../command.ts';
import { CliError } from '../failure.ts';
import { VM_KIND } from '../vm-change.ts';

export const console: Command = {
  name: 'console',
  usage: 'NAME [flags]',
  summary: 'Print or open the URL of the console in Proxmox VE',
  about: ['The web interface of Proxmox VE asks for a login of its own.'],
  examples: [
    { text: 'Print the URL', command: 'kubectl vm console web' },
    { text: 'Open it in the browser', command: 'kubectl vm console web --open' },
  ],
  flags: [{ name: 'open', meaning: 'open the URL in the browser' }],
  args: { min: 1, max: 1 },
  completes: ['VirtualMachine'],
  async run(call) {
    const [name = ''] = call.args;
    const cluster = await call.cluster();
    const vm = await cluster.get(VM_KIND, { namespace: cluster.namespace, name });
    const url = webAddress(textAt(vm, 'status.consoleURL'));
    if (url === undefined)
      throw new CliError(
        `${name} has no console: it does not exist in Proxmox VE. See kubectl vm why ${name}`,
      );
    if (call.flags.is('open')) return open(call, url);
    call.terminal.out(`${url}\n`);
    return 0;
  },
};

/** The browser is given nothing else, such as a file of this machine. */
export function webAddress(text: string | undefined): string | undefined {
  const url = URL.parse(text ?? '');
  return url && ['http:', 'https:'].includes(url.protocol) ? url.href : undefined;
}

async function open({ terminal }: Call, url: string): Promise<number> {
  const program = terminal.platform === 'darwin' ? 'open' : 'xdg-open';
  try {
    return await terminal.run(program, [url]);
  } catch {
    throw new CliError(`${program} could not be started. Open ${url}`);
  }
}
