import { describe, expect, test } from '@jest/globals';
import {
  afterStart,
  isBooting,
  readAddresses,
  scheduleAgentQuery,
  starting,
} from '../../../../../controllers/virtualmachine/guest-agent/ask.ts';
import type { Connection } from '../../../../../controllers/shared/cluster/connections.ts';
import type { ResolvedSpec } from '../../../../../controllers/virtualmachine/model/resolved-spec.ts';
import { PveError } from '../../../../../src/pve/index.ts';
import type { AgentSchedule } from '../../../../../controllers/virtualmachine/model/process-state.ts';
import type { Facts } from '../../../../../controllers/virtualmachine/model/facts.ts';
import { aClaim, aDesiredVm, GONE, NOW, observed, seen } from '../../../../builders/guests.ts';
import { NIC } from '../facts.ts';

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
  notGranted: [],
  ignored: [],
  consoleURL: undefined,
  ...change,
});
const FOUND: Partial<Facts> = { agent: 'running', addresses: [{ device: 'net0', addresses: ['10.0.0.5'] }] };
/** The gap that follows a look when addresses have been looked for this long. */
const gapAt = (age: number, change: Partial<Facts> = {}) =>
  gapOf(scheduleAgentQuery({ since: NOW - age }, facts(change), NOW));
const gapOf = ({ dueAt }: AgentSchedule, now = NOW) => dueAt && Math.round((dueAt - now) * 10) / 10;

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
    ['the object is being deleted', { want: GONE }],
    ['the agent is not enabled', { agent: 'notConfigured' }],
    ['the credentials may not', { agent: 'forbidden' }],
    ['there are no NICs', { nics: [] }],
  ])('not when %s', (_what, change) => {
    expect(scheduleAgentQuery({ dueAt: NOW }, facts(change), NOW).dueAt).toBeUndefined();
  });
});

test('looking for addresses starts over after the VM was off', () => {
  const before = scheduleAgentQuery({ since: NOW - 900_000 }, facts(), NOW);
  expect(before.dueAt).toBeUndefined();
  const off = facts({ have: observed({ presence: seen({ running: false }) }) });
  expect(gapOf(scheduleAgentQuery(scheduleAgentQuery(before, off, NOW), facts(), NOW))).toBe(250);
});

describe('an answer of Proxmox VE', () => {
  const answered = (refusal: PveError['refusal'], message: string) => {
    const networkInterfaces = () => Promise.reject(new PveError({ refusal, message, ...CALL }));
    const qemu = () => ({ agent: { networkInterfaces } });
    const pve = { node: () => ({ qemu }) } as unknown as Connection['pve'];
    const connection = { pve } as Connection;
    const running = { have: observed({ presence: seen({ running: true }) }), nics: [NIC] };
    return readAddresses({ connection } as ResolvedSpec, running, {});
  };
  const CALL = { method: 'GET', route: '/agent', code: '500' } as const;

  test.each([
    ['forbidden', 'forbidden'],
    ['unavailable', 'unreachable'],
    ['unauthenticated', 'failed'],
    ['locked', 'failed'],
    ['unknown', 'failed'],
  ] as const)('that is %s is not taken for a silent agent', async (refusal, agent) => {
    expect(await answered(refusal, 'The cause.')).toMatchObject({
      agent,
      agentProblem: expect.stringContaining('The cause.'),
      addresses: undefined,
    });
  });
});

describe('looking for addresses starts over with a start', () => {
  const runningFor = (uptimeMs: number, now = NOW): Facts =>
    facts({ have: { ...observed({ presence: seen({ running: true, uptimeMs }) }), now } });
  const given = (seenAt: Facts) => scheduleAgentQuery({ since: NOW - 900_000 }, seenAt, NOW - 60_000);
  const known = given(runningFor(900_000, NOW - 60_000));

  test('that the operator made, although it never saw the guest stopped', () => {
    expect(gapOf(scheduleAgentQuery(starting(known), facts(), NOW + 1_000), NOW + 1_000)).toBe(1_000);
    const booted = { ...starting(known), boots: undefined };
    expect(gapOf(scheduleAgentQuery(booted, facts(), NOW))).toBe(250);
  });

  test('that a user or HA made between two reads', () => {
    expect(scheduleAgentQuery(known, runningFor(960_000), NOW).dueAt).toBeUndefined();
    expect(gapOf(scheduleAgentQuery(known, runningFor(2_000), NOW))).toBe(250);
  });

  test('that was made a while before it was seen', () => {
    expect(gapOf(scheduleAgentQuery(known, runningFor(25_000), NOW))).toBe(2_500);
  });

  test('once, however imprecise the uptime is', () => {
    const again = scheduleAgentQuery(known, runningFor(20_000), NOW);
    const later = scheduleAgentQuery(again, runningFor(79_100, NOW + 60_000), NOW + 60_000);
    expect(gapOf(later, NOW + 60_000)).toBe(8_000);
  });

  test('also for the addresses that come late', () => {
    const complete = { ...runningFor(1_000), ...FOUND };
    expect(scheduleAgentQuery(known, { ...runningFor(960_000), ...FOUND }, NOW).dueAt).toBeUndefined();
    expect(gapOf(scheduleAgentQuery(known, complete, NOW))).toBe(9_000);
  });
});

describe('a guest that runs when the process first sees it', () => {
  const runningFor = (uptimeMs: number): Facts['have'] =>
    observed({ presence: seen({ running: true, uptimeMs }) });
  const dueFor = (uptimeMs: number, before: AgentSchedule = {}) =>
    gapOf(scheduleAgentQuery(before, facts({ ...FOUND, have: runningFor(uptimeMs) }), NOW));

  test('long since, and with all addresses, is not queried again', () => {
    expect(dueFor(3_600_000)).toBeUndefined();
  });

  test('for a moment is queried for what comes late', () => {
    expect(dueFor(4_000)).toBe(6_000);
  });

  test('long since, but without an address, is queried like one that has just started', () => {
    expect(gapOf(scheduleAgentQuery({}, facts({ have: runningFor(3_600_000) }), NOW))).toBe(250);
  });

  test('is queried for what comes late if we are starting it, whatever uptime an older read shows', () => {
    expect(dueFor(3_600_000, { startedAt: NOW - 3_600_000 })).toBe(10_000);
  });
});

test('a guest that we started is given a second to boot, and then asked as often as any', () => {
  const silent = facts({ agent: 'notAsked' });
  const first = scheduleAgentQuery(starting({}), silent, NOW);
  expect(gapOf(first)).toBe(1_000);
  expect(isBooting(afterStart(first, NOW + 400), NOW + 400)).toBe(true);
  expect(gapOf(scheduleAgentQuery(first, silent, NOW + 400), NOW + 400)).toBe(600);
  expect(isBooting(afterStart(first, NOW + 1_000), NOW + 1_000)).toBe(false);
  expect(gapOf(scheduleAgentQuery(first, facts(), NOW + 1_000), NOW + 1_000)).toBe(250);
});
