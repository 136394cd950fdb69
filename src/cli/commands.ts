/** Every command, in the order of the help. */
import type { Command } from './command.ts';
import { list } from './commands/list.ts';
import { snapshot } from './commands/snapshot.ts';

export const COMMANDS: readonly Command[] = [list, snapshot];
