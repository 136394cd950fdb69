/** What a command is: its help, its flags, and what it does. */
import type { Cluster } from './cluster/cluster.ts';
import type { KindName } from './cluster/kinds.ts';
import type { Flag, Flags } from './flags.ts';
import type { Terminal } from './terminal.ts';

export interface Example {
  readonly text: string;
  readonly command: string;
}

/** A command that was called. */
export interface Call {
  readonly terminal: Terminal;
  readonly args: readonly string[];
  /** After `--`. */
  readonly rest: readonly string[];
  readonly flags: Flags;
  /** Opened when it is asked for first: `help` needs none. */
  readonly cluster: () => Promise<Cluster>;
}

export interface Command {
  readonly name: string;
  /** What follows the name: `NAME... [flags]`. */
  readonly usage: string;
  /** One line. */
  readonly summary: string;
  /** Paragraphs of its help and of docs/kubectl.md. */
  readonly about: readonly string[];
  readonly examples: readonly Example[];
  readonly flags: readonly Flag[];
  /** How many names it takes. */
  readonly args: { readonly min: number; readonly max: number };
  /** The kind that each argument names; the last one counts for all that follow. */
  readonly completes?: readonly KindName[];
  /** Its arguments may name objects of other kinds, which it reads by itself. */
  readonly readsKinds?: boolean;
  /** Values of its first argument, for the completion. */
  readonly choices?: readonly string[];
  /** The exit code. */
  readonly run: (call: Call) => Promise<number>;
}
