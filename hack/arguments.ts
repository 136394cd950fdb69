/** The arguments of the programs in `hack`: `--help` prints how to use one, and a mistake is answered with a sentence. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/** The values of the options; ends the process where there is nothing to run. */
export function readArguments<const O extends ParseArgsOptionsConfig>(usage: string, options: O) {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } });
    if (!('help' in values)) return values;
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    process.exit(2);
  }
}
