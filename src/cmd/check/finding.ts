/** The result of one check, and how it is printed. */

export interface Finding {
  /** What was checked: endpoint, tls, login … */
  readonly check: string;
  readonly level: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** What to do about it. */
  readonly todo?: string;
  /** Lines for a shell on a node of Proxmox VE. */
  readonly commands?: readonly string[];
}

export const ok = (check: string, found: string): Finding => ({ check, level: 'ok', found });

export const warn = (check: string, found: string, todo: string, commands?: readonly string[]): Finding => ({
  check,
  level: 'warn',
  found,
  todo,
  ...(commands && commands.length > 0 && { commands }),
});

export const fail = (check: string, found: string, todo: string, commands?: readonly string[]): Finding => ({
  ...warn(check, found, todo, commands),
  level: 'fail',
});

export const failed = (findings: readonly Finding[]): boolean =>
  findings.some(({ level }) => level === 'fail');

const LEVELS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;
const MAX_CHECK = 'privileges'.length;
const INDENT = ' '.repeat('FAIL  '.length + MAX_CHECK + 2);

/** A line a finding, shell lines below it. */
export const toText = (findings: readonly Finding[]): string =>
  [...findings.flatMap(linesOf), '', summaryOf(findings), ''].join('\n');

/** Others' words often end without a full stop. */
const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

const linesOf = ({ check, level, found, todo, commands = [] }: Finding): readonly string[] => [
  `${LEVELS[level]}  ${check.padEnd(MAX_CHECK)}  ${[sentence(found), todo].filter((part) => part !== undefined).join(' ')}`,
  ...commands.map((command) => `${INDENT}${command}`),
];

function summaryOf(findings: readonly Finding[]): string {
  const count = (wanted: Finding['level']): number => findings.filter(({ level }) => level === wanted).length;
  const [failures, warnings] = [count('fail'), count('warn')];
  return `${findings.length} check${findings.length === 1 ? '' : 's'}: ${failures} failed, ${warnings} with a warning.`;
}

export const toJson = (target: string, findings: readonly Finding[]): string =>
  `${JSON.stringify({ target, ok: !failed(findings), findings }, undefined, 2)}\n`;
