import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { pino } from 'pino';
import { seconds } from '../../../src/lib/units.ts';
import type { Clock } from '../../../src/runtime/clock.ts';
import {
  LeaderElector,
  type LeaseRecord,
  type LeaseStore,
  type StoredLease,
} from '../../../src/runtime/leader-election.ts';
import { fakeClock, settle } from './fake-clock.ts';

/** One lease, and for every candidate a way to it that may be cut or slow. */
function aLease(clock: Clock) {
  let stored: StoredLease | undefined;
  let version = 0;
  const write = (expected: string | undefined, record: LeaseRecord) => {
    if (stored?.version !== expected) return undefined;
    version += 1;
    stored = { version: String(version), record };
    return stored;
  };
  const routeTo = (fate: () => 'ok' | 'lost request' | 'lost answer' | 'hangs'): LeaseStore => {
    async function call<T>(work: () => T): Promise<T> {
      const happens = fate();
      if (happens === 'lost request') throw new Error('connection refused');
      if (happens === 'hangs') await new Promise<never>(() => undefined);
      const answer = work();
      await Promise.resolve();
      if (happens === 'lost answer') throw new Error('connection reset');
      return answer;
    }
    return {
      get: () => call(() => stored),
      create: (record) => call(() => write(undefined, record)),
      update: (expected, record) => call(() => write(expected, record)),
    };
  };
  return {
    routeTo,
    record: () => stored?.record,
    take: (holder: string, durationSeconds = 15) => {
      const now = clock.now();
      write(stored?.version, { holder, durationSeconds, acquired: now, renewed: now, transitions: 3 });
    },
  };
}

function aCandidate(identity: string, store: LeaseStore, clock: Clock, leaders = new Set<string>()) {
  const stopping = new AbortController();
  const elector = new LeaderElector({ store, identity, clock, log: pino({ enabled: false }) });
  let state: 'candidate' | 'leader' | 'lost' | 'stopped' = 'candidate';
  const run = async () => {
    if (!(await elector.acquire(stopping.signal))) return;
    state = 'leader';
    expect(leaders.add(identity).size).toBe(1);
    state = await elector.hold(stopping.signal);
    leaders.delete(identity);
  };
  const running = run();
  return {
    elector,
    state: () => state,
    stop: async () => {
      stopping.abort();
      await running;
      await elector.release();
    },
  };
}

const always =
  <T>(value: T) =>
  () =>
    value;

describe('of several candidates', () => {
  test('the first leads and keeps the lease; the second waits as long as it is renewed', async () => {
    const clock = fakeClock();
    const lease = aLease(clock);
    const a = aCandidate('a', lease.routeTo(always('ok')), clock);
    await settle();
    const b = aCandidate('b', lease.routeTo(always('ok')), clock);
    await clock.advance(seconds(120));
    expect([a.state(), b.state()]).toEqual(['leader', 'candidate']);
    expect(lease.record()).toMatchObject({ holder: 'a', durationSeconds: 15, transitions: 0 });
    expect(clock.now().getTime() - lease.record()!.renewed.getTime()).toBeLessThan(seconds(3));
    expect(clock.now().getTime() - lease.record()!.acquired.getTime()).toBe(seconds(120));
  });

  test('the second takes over within a retry period when the first gives the lease back', async () => {
    const clock = fakeClock();
    const lease = aLease(clock);
    const a = aCandidate('a', lease.routeTo(always('ok')), clock);
    await settle();
    const b = aCandidate('b', lease.routeTo(always('ok')), clock);
    await clock.advance(seconds(10));
    await a.stop();
    expect(lease.record()!.holder).toBe('');
    await clock.advance(seconds(2));
    expect([a.state(), b.state()]).toEqual(['stopped', 'leader']);
    expect(lease.record()).toMatchObject({ holder: 'b', transitions: 1 });
  });

  test('a lease of a dead process is taken once it was seen unchanged for its whole duration, regardless of the age it claims', async () => {
    const clock = fakeClock();
    const lease = aLease(clock);
    lease.take('dead');
    await clock.advance(seconds(1_000_000));
    const b = aCandidate('b', lease.routeTo(always('ok')), clock);
    await clock.advance(seconds(14));
    expect(b.state()).toBe('candidate');
    await clock.advance(seconds(4));
    expect(b.state()).toBe('leader');
    expect(lease.record()!.transitions).toBe(4);
  });
});

test('a lease that claims to last for years is taken once it was seen unchanged for five minutes', async () => {
  const clock = fakeClock();
  const lease = aLease(clock);
  lease.take('dead', 100_000_000);
  const b = aCandidate('b', lease.routeTo(always('ok')), clock);
  await clock.advance(seconds(299));
  expect(b.state()).toBe('candidate');
  await clock.advance(seconds(4));
  expect(b.state()).toBe('leader');
});

describe('a leader', () => {
  test.each(['lost request', 'hangs'] as const)(
    'that cannot renew (%s) stops leading before another may begin',
    async (fault) => {
      const clock = fakeClock();
      const lease = aLease(clock);
      let fate: 'ok' | typeof fault = 'ok';
      const a = aCandidate(
        'a',
        lease.routeTo(() => fate),
        clock,
      );
      await settle();
      fate = fault;
      await clock.advance(seconds(9));
      expect(a.state()).toBe('leader');
      await clock.advance(seconds(5));
      expect(a.state()).toBe('lost');
      expect(a.elector.isLeader).toBe(false);
    },
  );

  test('survives a fault that is shorter than its deadline', async () => {
    const clock = fakeClock();
    const lease = aLease(clock);
    let fate: 'ok' | 'hangs' = 'ok';
    const a = aCandidate(
      'a',
      lease.routeTo(() => fate),
      clock,
    );
    await settle();
    fate = 'hangs';
    await clock.advance(seconds(5));
    fate = 'ok';
    await clock.advance(seconds(60));
    expect(a.state()).toBe('leader');
  });

  test('knows its lease again when only the answer to a renewal was lost', async () => {
    const clock = fakeClock();
    const lease = aLease(clock);
    let fate: 'ok' | 'lost answer' = 'ok';
    const a = aCandidate(
      'a',
      lease.routeTo(() => fate),
      clock,
    );
    await settle();
    fate = 'lost answer';
    await clock.advance(seconds(3));
    fate = 'ok';
    await clock.advance(seconds(30));
    expect(a.state()).toBe('leader');
  });

  test('stops at once when it sees another in its lease', async () => {
    const clock = fakeClock();
    const lease = aLease(clock);
    const a = aCandidate('a', lease.routeTo(always('ok')), clock);
    await settle();
    lease.take('usurper');
    await clock.advance(seconds(2));
    expect(a.state()).toBe('lost');
    expect(lease.record()!.holder).toBe('usurper');
  });
});

test('with any faults of their connections, two never lead at once', async () => {
  const fate = fc.constantFrom(
    'ok' as const,
    'ok' as const,
    'lost request' as const,
    'lost answer' as const,
    'hangs' as const,
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fate, { minLength: 5, maxLength: 30 }),
      fc.array(fate, { minLength: 5, maxLength: 30 }),
      async (fatesA, fatesB) => {
        const clock = fakeClock();
        const lease = aLease(clock);
        const requireSlot = (fates: ('ok' | 'lost request' | 'lost answer' | 'hangs')[]) => () =>
          fates.shift() ?? 'ok';
        const leaders = new Set<string>();
        const candidates = [
          aCandidate('a', lease.routeTo(requireSlot([...fatesA])), clock, leaders),
          aCandidate('b', lease.routeTo(requireSlot([...fatesB])), clock, leaders),
        ];
        await clock.advance(seconds(120));
        await Promise.all(candidates.map(({ stop }) => stop()));
      },
    ),
    { numRuns: 50 },
  );
});

test('a process that stands by says once that it waits for the Lease, and who holds it', async () => {
  const clock = fakeClock();
  const lease = aLease(clock);
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line) => void lines.push(line) });
  const stopping = new AbortController();
  const store = lease.routeTo(() => 'ok');
  const elector = new LeaderElector({ store, identity: 'me', clock, log });
  lease.take('pod-1');
  const acquired = elector.acquire(stopping.signal);
  for (let tick = 0; tick < 3; tick += 1) await clock.advance(seconds(2));
  lease.take('pod-2');
  for (let tick = 0; tick < 3; tick += 1) await clock.advance(seconds(2));
  stopping.abort();
  await clock.advance(seconds(2));
  expect(await acquired).toBe(false);
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    'standing by: waiting for the Lease, which pod-1 holds',
    'standing by: waiting for the Lease, which pod-2 holds',
  ]);
});
