/** The program: `virtrigaud-proxmox` runs the operator, `virtrigaud-proxmox check` tests a connection. */
import { runCheck } from './check/check.ts';
import { build } from '../lib/build.ts';
import { pveVariables, readConfig } from './operator/config.ts';
import { runOperator } from './operator/run.ts';

const USAGE = 2;

const args = process.argv.slice(2);
if (args[0] === 'check') await check(args.slice(1));
else await operator(args);

async function check(rest: readonly string[]): Promise<void> {
  const { code, out, err } = await runCheck(rest, pveVariables(process.env));
  process.stderr.write(err);
  process.stdout.write(out, () => process.exit(code));
}

async function operator(flags: readonly string[]): Promise<void> {
  const result = readConfig(flags);
  switch (result.kind) {
    case 'help':
      process.stdout.write(result.text);
      break;
    case 'version':
      process.stdout.write(`virtrigaud-proxmox ${build.version} (${build.commit})\n`);
      break;
    case 'faulty':
      for (const fault of result.faults) process.stderr.write(`ERROR ${fault}\n`);
      process.exit(USAGE);
      break;
    case 'run':
      try {
        process.exit(await runOperator(result.config));
      } catch (error) {
        process.stderr.write(`ERROR ${error instanceof Error ? error.message : String(error)}\n`);
        process.exit(1);
      }
      break;
    default:
      result satisfies never;
  }
}
