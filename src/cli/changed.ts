/** Prints what a command has changed, as kubectl does. */
import type { CliKind } from './cluster/kinds.ts';
import type { Stored } from './cluster/objects.ts';
import { formatOf } from './common-flags.ts';
import type { Call } from './command.ts';
import { nameOf, printObject } from './output/objects.ts';

/** @param done what has happened: `started`, `created` */
export function printChanged(call: Call, kind: CliKind, object: Stored, done: string): void {
  const format = formatOf(call);
  call.terminal.out(
    format === undefined ? `${nameOf(kind, object)} ${done}\n` : printObject(format, kind, object),
  );
}

/** On standard error, so that the output stays what programs read. */
export const warn = ({ terminal }: Call, text: string): void => terminal.err(`Warning: ${text}\n`);
