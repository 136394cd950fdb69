/**
 * The plugins of kubectl: `kubectl vm …`, and `kubectl create vmsnapshot` under the name of its file
 * (`kubectl-create-vmsnapshot`), which is a link to the same program.
 */
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { systemClock } from '../runtime/clock.ts';
import { interruption } from './interruption.ts';
import { COMPLETE, CREATE_VMSNAPSHOT, run } from './run.ts';
import type { Terminal } from './terminal.ts';

const { env } = process;

const coloured = (stream: { readonly isTTY?: boolean }): boolean =>
  stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';

const { signal, received, brokenPipe, finish } = interruption({
  exit: (code) => process.exit(code),
  err: (text) => void process.stderr.write(text),
});
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, received);
// A reader that has read enough, such as head, closes the pipe; a terminal that is closed fails both.
process.stdout.on('error', brokenPipe);
process.stderr.on('error', () => undefined);

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  colour: coloured(process.stdout),
  progress: process.stderr.isTTY,
  clock: systemClock,
  interrupted: signal,
  finish,
  platform: process.platform,
  run: (program, args) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, { stdio: 'inherit' });
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
    }),
};

/** Node passes the file of a script as the first argument; a single executable is that file itself. */
const called = [process.argv0, process.argv[1] ?? ''].map((path) => basename(path));
const isCalled = (file: string): boolean => called.some((name) => name.startsWith(file));
const program = isCalled('kubectl-create-vmsnapshot')
  ? CREATE_VMSNAPSHOT
  : isCalled(COMPLETE)
    ? COMPLETE
    : 'kubectl vm';

void run(program, process.argv.slice(2), terminal).then((code) => {
  process.exitCode = code;
});
