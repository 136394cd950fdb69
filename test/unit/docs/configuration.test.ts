/** docs/configuration.md has each flag and each variable of the operator, with the default that it has. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/cmd/operator/config.ts';

const page = readFileSync('docs/configuration.md', 'utf8');
/** The first two columns of each row. */
const rows = [...page.matchAll(/^\| (`.*?) \| (.*?) \|/gm)].map(([, names = '', fallback = '']) => ({
  names,
  fallback,
}));
const named = (form: RegExp, text: string): readonly string[] =>
  [...new Set([...text.matchAll(form)].map(([name]) => name))].toSorted();

const FLAG = /--[a-z][a-z-]+/g;
/** With an underscore, which no word in capitals of the text has. */
const VARIABLE = /\b[A-Z]+(?:_[A-Z]+)+\b/g;

const help = (() => {
  const result = readConfig(['--help'], {});
  return result.kind === 'help' ? result.text : '';
})();
const inRows = rows.map(({ names }) => names).join(' ');

describe('docs/configuration.md', () => {
  test('has a row for each flag that the operator has, and for no other', () => {
    expect(named(FLAG, inRows)).toEqual(named(FLAG, help));
  });

  test('has a row for each variable that the operator reads, and for no other', () => {
    expect(named(VARIABLE, inRows)).toEqual(named(VARIABLE, help));
  });

  test('has their defaults', () => {
    const result = readConfig([], {});
    if (result.kind !== 'run') throw new Error(JSON.stringify(result));
    const { log, namespace, tasks, telemetry } = result.config;
    const defaults = {
      LOG_LEVEL: log.level,
      LOG_FORMAT: log.format,
      POD_NAMESPACE: namespace,
      PVE_TASK_POLL_INTERVAL: `${tasks.maxGap / 1000}s`,
      PVE_TASK_TIMEOUT: `${tasks.overdueAfter / 60_000}m`,
      '--metrics-bind-address ADDR': `:${telemetry.metrics?.port}`,
    };
    for (const [name, value] of Object.entries(defaults))
      expect([name, rows.find(({ names }) => names === `\`${name}\``)?.fallback]).toEqual([
        name,
        `\`${value}\``,
      ]);
  });
});
