import { describe, expect, test } from '@jest/globals';
import { scheduleAgentQuery, isBooting } from '../../../../../controllers/virtualmachine/guest-agent/ask.ts';
import type { ProcessState } from '../../../../../controllers/virtualmachine/model/process-state.ts';
import type { Facts } from '../../../../../controllers/virtualmachine/model/facts.ts';
import { aClaim, aDesiredVm, GONE, NOW, observed, seen } from '../../../../builders/guests.ts';

const NIC = {
  device: 'net0',
  model: 'virtio',
  mac: 'BC:24:11:00:00:01',
  bridge: 'vmbr0',
  vlan: undefined,
  settings: [],
  name: 'lan',
};
const facts = (change: Partial<Facts> = {}): Facts => ({
  want: aDesiredVm(),
  have: observed({ claim: aClaim({ made: true }), presence: seen() }),
  plan: { kind: 'steady' },
  started: undefined,
  nics: [NIC],
  addresses: undefined,
  agent: 'silent',
  cloudInit: undefined,
  differences: [],
  ignored: [],
  consoleURL: undefined,
  ...change,
});
const FOUND: Partial<Facts> = { agent: 'running', addresses: [{ device: 'net0', addresses: ['10.0.0.5'] }] };
/** The gap that follows a look when addresses have been looked for this long. */
const gapAt = (age: number, change: Partial<Facts> = {}) =>
  scheduleAgentQuery(facts(change), { quiescent: true, agentSince: NOW - age }, NOW);

describe('the guest agent is asked again', () => {
  test('soon at first, then ever less often, up to once a minute', () => {
    expect([0, 2_500, 60_000, 599_999, 600_000].map((age) => gapAt(age))).toEqual([
      250, 250, 6_000, 59_999.9, 60_000,
    ]);
  });

  test('for ten minutes, then only by the drift scan', () => {
    expect(gapAt(600_001)).toBeUndefined();
  });

  test('twice after every NIC has an address, for what comes late', () => {
    expect([0, 9_999, 10_000, 29_999, 30_000].map((age) => gapAt(age, FOUND))).toEqual([
      10_000,
      1,
      20_000,
      1,
      undefined,
    ]);
  });

  test('while one of several NICs has no address', () => {
    expect(gapAt(100_000, { ...FOUND, nics: [NIC, { ...NIC, device: 'net1' }] })).toBe(10_000);
  });

  test.each<[string, Partial<Facts>]>([
    ['the VM is off', { have: observed({ presence: seen({ running: false }) }) }],
    ['the VM is not there', { have: observed() }],
    ['the object goes', { want: GONE }],
    ['the agent is not enabled', { agent: 'notConfigured' }],
    ['there are no NICs', { nics: [] }],
  ])('not when %s', (_what, change) => {
    const processState: ProcessState = { quiescent: true, agentDueAt: NOW };
    expect(scheduleAgentQuery(facts(change), processState, NOW)).toBeUndefined();
    expect(processState.agentDueAt).toBeUndefined();
  });
});

test('looking for addresses starts over after the VM was off', () => {
  const processState: ProcessState = { quiescent: true, agentSince: NOW - 900_000 };
  expect(scheduleAgentQuery(facts(), processState, NOW)).toBeUndefined();
  scheduleAgentQuery(facts({ have: observed({ presence: seen({ running: false }) }) }), processState, NOW);
  expect(scheduleAgentQuery(facts(), processState, NOW)).toBe(250);
  expect(processState.agentDueAt).toBe(NOW + 250);
});

test('a guest that we started is given a second to boot, and then asked as often as any', () => {
  const processState: ProcessState = { quiescent: true, boots: true };
  expect(scheduleAgentQuery(facts({ agent: 'notAsked' }), processState, NOW)).toBe(1_000);
  expect(isBooting(processState, NOW + 400)).toBe(true);
  expect(scheduleAgentQuery(facts({ agent: 'notAsked' }), processState, NOW + 400)).toBe(600);
  expect(isBooting(processState, NOW + 1_000)).toBe(false);
  expect(scheduleAgentQuery(facts(), processState, NOW + 1_000)).toBe(250);
});
