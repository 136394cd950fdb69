/** Flags that several commands have. */
import { parseDuration } from '../lib/duration.ts';
import { minutes, type Millis } from '../lib/units.ts';
import type { Call } from './command.ts';
import { CliError } from './failure.ts';
import type { Flag } from './flags.ts';

/** Of every command. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  { name: 'namespace', short: 'n', value: 'NAME', meaning: 'namespace; absent: that of the context' },
  { name: 'context', value: 'NAME', meaning: 'context of the kubeconfig; absent: its current one' },
  { name: 'kubeconfig', value: 'FILE', meaning: 'kubeconfig; absent: KUBECONFIG, or ~/.kube/config' },
  { name: 'as', value: 'USER', meaning: 'user to impersonate' },
  { name: 'as-group', value: 'GROUP', multiple: true, meaning: 'group to impersonate; may be repeated' },
  { name: 'as-uid', value: 'UID', meaning: 'UID to impersonate' },
  { name: 'help', short: 'h', meaning: 'print the help of the command' },
];

const output = (choices: readonly string[]): Flag => ({
  name: 'output',
  short: 'o',
  value: choices.join('|'),
  choices,
  meaning: 'how to print it',
});

export const OUTPUT = output(['json', 'yaml', 'name', 'wide']);
/** Of what is changed or created. */
export const CHANGE_OUTPUT = output(['json', 'yaml', 'name']);
export const DOCUMENT_OUTPUT = output(['json', 'yaml']);

export const SELECTOR: Flag = {
  name: 'selector',
  short: 'l',
  value: 'LABELS',
  meaning: 'only objects with these labels, for example app=web,tier!=test',
};
export const ALL_NAMESPACES: Flag = { name: 'all-namespaces', short: 'A', meaning: 'in all namespaces' };

const TIMEOUT = minutes(10);
export const WAIT_FLAGS: readonly Flag[] = [
  { name: 'wait', meaning: 'wait until it is done' },
  {
    name: 'timeout',
    value: 'TIME',
    meaning: `how long to wait, for example 90s (default ${TIMEOUT / 60_000}m)`,
  },
];

/** How long to wait at most. */
export function timeoutOf({ flags }: Call): Millis {
  const text = flags.text('timeout');
  if (text === undefined) return TIMEOUT;
  const read = parseDuration(text);
  if ('problem' in read) throw new CliError(`invalid argument for "--timeout" flag: ${read.problem}`);
  return read.value;
}

/** The structured format that was asked for; `undefined`: text. */
export function formatOf({ flags }: Call): 'json' | 'yaml' | 'name' | undefined {
  const format = flags.text('output');
  return format === 'json' || format === 'yaml' || format === 'name' ? format : undefined;
}
