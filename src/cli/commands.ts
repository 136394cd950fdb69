/** Every command, in the order of the help. */
import type { Command } from './command.ts';
import { adopt } from './commands/adopt.ts';
import { clone } from './commands/clone.ts';
import { completion } from './commands/completion.ts';
import { console } from './commands/console.ts';
import { diag } from './commands/diag.ts';
import { helpFor } from './commands/help.ts';
import { list } from './commands/list.ts';
import { migrate } from './commands/migrate.ts';
import { plan } from './commands/plan.ts';
import { start, stop } from './commands/power.ts';
import { restart } from './commands/restart.ts';
import { revert } from './commands/revert.ts';
import { snapshot } from './commands/snapshot.ts';
import { snapshots } from './commands/snapshots.ts';
import { ssh } from './commands/ssh.ts';
import { version } from './commands/version.ts';
import { why } from './commands/why.ts';

export const COMMANDS: readonly Command[] = [
  ...[list, why, start, stop, restart, snapshot, snapshots, revert, clone, migrate],
  ...[plan, adopt, console, ssh, diag, completion, helpFor(() => COMMANDS), version],
];
