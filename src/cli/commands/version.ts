/** `kubectl vm version`. */
import { build } from '../../lib/build.ts';
import { DOCUMENT_OUTPUT, formatOf } from '../common-flags.ts';
import type { Command } from '../command.ts';
import { asJson, asYaml } from '../output/objects.ts';

export const version: Command = {
  name: 'version',
  usage: '[flags]',
  summary: 'Print the versions of the plugin and of the API server',
  about: [],
  examples: [{ text: 'Only that of the plugin', command: 'kubectl vm version --client' }],
  flags: [{ name: 'client', meaning: 'do not ask the API server' }, DOCUMENT_OUTPUT],
  args: { min: 0, max: 0 },
  async run(call) {
    const { flags, terminal } = call;
    const plugin = `${build.version} (${build.commit})`;
    const server = flags.is('client') ? undefined : await (await call.cluster()).version();
    const versions = { plugin, ...(server !== undefined && { server }) };
    const format = formatOf(call);
    if (format === 'json') terminal.out(asJson(versions));
    else if (format === 'yaml') terminal.out(asYaml(versions));
    else
      terminal.out(`Plugin Version: ${plugin}\n${server === undefined ? '' : `Server Version: ${server}\n`}`);
    return 0;
  },
};
