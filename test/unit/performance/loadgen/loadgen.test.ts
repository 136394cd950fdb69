import { describe, expect, test } from '@jest/globals';
import { filesOf, markdownOf, plotOf } from '../../../performance/loadgen/reports.ts';
import { excessOf, figuresOf, type Measured } from '../../../performance/loadgen/results.ts';
import { readScenarios } from '../../../performance/loadgen/scenarios.ts';

const scenarios = (thresholds = '{}', name = 'Power On'): string => `scenarios:
  - { name: '${name}', operation: power, to: 'On', operations: 20, notes: Async operation, thresholds: ${thresholds} }
`;

function measured(change: Partial<Measured> = {}, text = scenarios()): Measured {
  const [scenario] = readScenarios(text).scenarios;
  if (!scenario) throw new Error('no scenario');
  const took = Array.from({ length: 20 }, (_, index) => (index + 1) * 100);
  return { scenario, took, failures: [], lastedMs: 60_000, ...change };
}

describe('the scenarios file', () => {
  test('says where a mistake is, and what would be right', () => {
    expect(() => readScenarios(scenarios('{ p95: 3 sec }'))).toThrow('"3 sec" is not a duration');
    expect(() => readScenarios('scenarios: []')).toThrow('scenarios');
    expect(() => readScenarios(scenarios().replace('power', 'hibernate'))).toThrow('operation');
    expect(() => readScenarios(scenarios().replace('to:', 'too:'))).toThrow('too');
  });

  test('has defaults for what it leaves out', () => {
    const { scenarios: all, outputs, keep } = readScenarios(scenarios());
    expect(all[0]).toMatchObject({ concurrency: 1, timeout: 300_000, thresholds: { failures: 0 } });
    expect({ outputs, keep }).toEqual({
      outputs: { formats: ['json', 'csv', 'markdown', 'svg'] },
      keep: false,
    });
  });
});

describe('figures', () => {
  test('are percentiles by nearest rank, and operations a minute', () => {
    expect(figuresOf(measured())).toEqual({ p50: 1000, p95: 1900, max: 2000, throughput: 20 });
  });

  test.each([
    ['{ p50: 1s, p95: 1900ms, throughput: 20 }', {}, []],
    ['{ p50: 999ms }', {}, ['Power On: p50 is 1.0s, and the threshold 999ms.']],
    ['{ p95: 1s }', {}, ['Power On: p95 is 1.9s, and the threshold 1.0s.']],
    ['{ throughput: 21 }', {}, ['Power On: 20.0 operations a minute, and the threshold is 21.']],
    ['{}', { failures: ['no answer'] }, ['Power On: 1 of 20 operations failed. The first: no answer']],
    ['{ failures: 1 }', { failures: ['no answer'] }, []],
    // Nothing was measured, so nothing was shown to be quick enough.
    ['{ p95: 1s, failures: 99 }', { took: [] }, ['Power On: p95 is -, and the threshold 1.0s.']],
  ])('with the thresholds %s exceed as they should', (thresholds, change, expected) => {
    expect(excessOf(measured(change, scenarios(thresholds)))).toEqual(expected);
  });
});

describe('reports', () => {
  test('have the columns of the document', () => {
    expect(markdownOf([measured({ failures: ['a'] })])).toBe(
      '| Operation | P50 Latency | P95 Latency | Throughput | Notes |\n' +
        '| --- | --- | --- | --- | --- |\n' +
        '| Power On | 1.0s | 1.9s | 20 ops/min | Async operation; 1 failed |\n',
    );
  });

  test('are written in the formats that were asked for', () => {
    const all = filesOf([measured()], ['json', 'csv', 'markdown', 'svg']);
    expect([...all.keys()]).toEqual(['results.json', 'results.csv', 'results.md', '1-power-on.svg']);
    expect(JSON.parse(all.get('results.json') ?? '')).toMatchObject([{ name: 'Power On', p95: 1900 }]);
    expect([...filesOf([measured()], ['csv']).keys()]).toEqual(['results.csv']);
  });

  test('hold what somebody named or Proxmox VE said as text only', () => {
    const odd = measured({ failures: ['no "space", really'] }, scenarios('{}', '<b>A</b> | B'));
    expect(filesOf([odd], ['csv']).get('results.csv')).toContain('"no ""space"", really"');
    expect(plotOf(odd)).toContain('&lt;b&gt;A&lt;/b&gt;');
    expect(markdownOf([odd])).toContain('| <b>A</b> \\| B |');
  });

  test('plot nothing where nothing was measured', () => {
    expect(plotOf(measured({ took: [] }))).not.toContain('NaN');
  });
});
