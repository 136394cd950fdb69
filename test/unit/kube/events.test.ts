import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { z } from 'zod';
import { millis, minutes, seconds } from '../../../src/lib/units.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { eventRecorder } from '../../../src/kube/events.ts';
import { fakeClock } from '../runtime/fake-clock.ts';
import { aThing } from './things.ts';

const Event = z.looseObject({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  reason: z.string(),
  message: z.string(),
});

function aRecorder(answered: () => Promise<void> = () => Promise.resolve()) {
  const clock = fakeClock();
  const written: z.output<typeof Event>[] = [];
  const replaced: z.output<typeof Event>[] = [];
  let fails = false;
  let isExpired = false;
  const recorder = eventRecorder({
    client: {
      create: async (_path, body, reply) => {
        if (fails) throw new KubeError({ status: 403, reason: 'Forbidden', message: 'no' });
        written.push(Event.parse(body));
        await answered();
        return reply.parse(body);
      },
      replace: (path, body, reply) => {
        if (isExpired) throw new KubeError({ status: 404, reason: 'NotFound', message: 'no' });
        replaced.push(Event.parse(body));
        expect(path).toMatchObject({ name: replaced.at(-1)!.metadata.name });
        return Promise.resolve(reply.parse(body));
      },
    },
    clock,
    log: pino({ enabled: false }),
    instance: 'pod-1',
  });
  return {
    clock,
    written,
    replaced,
    recorder,
    failFromNow: () => (fails = true),
    expire: () => (isExpired = true),
  };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const about = (name: string) => ({ kind: 'Thing', metadata: aThing(name, 1).metadata });
const note = (reason: string, message = 'm') => ({ type: 'Normal' as const, reason, message });

describe('an event', () => {
  test('names the reason, the object and the reporting process', async () => {
    const { recorder, written } = aRecorder();
    recorder.publish(about('a'), { type: 'Warning', reason: 'Failed', message: 'The disk is full.' });
    await recorder.flush();
    expect(written[0]!.metadata.name).toMatch(/^a\.[0-9a-f]{16}$/);
    expect(written[0]).toMatchObject({
      metadata: { namespace: 'ns' },
      eventTime: '2026-03-01T12:00:00.000000Z',
      type: 'Warning',
      reason: 'Failed',
      message: 'The disk is full.',
      firstTimestamp: '2026-03-01T12:00:00Z',
      lastTimestamp: '2026-03-01T12:00:00Z',
      count: 1,
      action: 'Reconcile',
      reportingComponent: 'virtrigaud.io/proxmox',
      reportingInstance: 'pod-1',
      involvedObject: { apiVersion: 'infra.virtrigaud.io/v1beta1', kind: 'Thing', name: 'a', uid: 'uid-a' },
    });
  });

  test('is written after a repetition of another was only counted', async () => {
    const { recorder, written, clock } = aRecorder();
    recorder.publish(about('a'), note('Started'));
    await settled();
    await clock.advance(seconds(10));
    recorder.publish(about('a'), note('Started'));
    await settled();
    recorder.publish(about('a'), note('Stopped'));
    await settled();
    expect(written.map(({ reason }) => reason)).toEqual(['Started', 'Stopped']);
  });

  test('keeps to the lengths that the API server takes', async () => {
    const { recorder, written } = aRecorder();
    recorder.publish(about('n'.repeat(253)), note('Long', 'ü'.repeat(2000)));
    await recorder.flush();
    expect(written[0]!.metadata.name.length).toBeLessThanOrEqual(253);
    expect(Buffer.byteLength(written[0]!.message)).toBeLessThanOrEqual(1024);
  });

  test('of another object, reason or message is another event', async () => {
    const { recorder, written } = aRecorder();
    recorder.publish(about('a'), note('One'));
    recorder.publish(about('b'), note('One'));
    recorder.publish(about('a'), note('Two'));
    recorder.publish(about('a'), note('One', 'other'));
    await recorder.flush();
    expect(written).toHaveLength(4);
  });

  test('that is repeated is counted in its series, which is written after a minute and then every ten', async () => {
    const { clock, recorder, written, replaced } = aRecorder();
    const again = async (after: number, resourceVersion: string) => {
      await clock.advance(seconds(after));
      const { kind, metadata } = about('a');
      recorder.publish({ kind, metadata: { ...metadata, resourceVersion } }, note('One'));
      await recorder.flush();
    };
    await again(0, '1');
    await again(30, '2');
    expect(replaced).toEqual([]);
    await again(30, '3');
    expect(replaced).toEqual([
      {
        ...written[0],
        count: 3,
        lastTimestamp: '2026-03-01T12:01:00Z',
        series: { count: 3, lastObservedTime: '2026-03-01T12:01:00.000000Z' },
      },
    ]);
    await again(599, '4');
    expect(replaced).toHaveLength(1);
    await again(1, '5');
    expect(replaced[1]).toMatchObject({ series: { count: 5 } });
    expect(written).toHaveLength(1);
  });

  test('that occurs again after twenty minutes is a new one, and one that has expired is created again', async () => {
    const { clock, recorder, written, expire } = aRecorder();
    const again = async (after: number) => {
      await clock.advance(minutes(after));
      recorder.publish(about('a'), note('One'));
      await recorder.flush();
    };
    await again(0);
    await again(20);
    expect(written).toHaveLength(2);
    expire();
    await again(5);
    expect(written[2]).toMatchObject({ series: { count: 2 } });
  });

  test('is dropped in a flood, and published again when the flood is over', async () => {
    const { clock, recorder, written } = aRecorder();
    for (let number = 0; number < 500; number += 1) recorder.publish(about(`a${number}`), note('Flood'));
    await recorder.flush();
    expect(written).toHaveLength(200);
    await clock.advance(seconds(2));
    for (let number = 500; number < 600; number += 1) recorder.publish(about(`a${number}`), note('Flood'));
    await recorder.flush();
    expect(written).toHaveLength(208);
    await clock.advance(seconds(1));
    recorder.publish(about('a599'), note('Flood')); // it was dropped, so it is not a repetition
    await recorder.flush();
    expect(written.at(-1)?.metadata.name).toMatch(/^a599\./);
  });

  test('is written although other namespaces have used up what all have together', async () => {
    const { clock, recorder, written } = aRecorder();
    const inNamespace = (namespace: string, name: string) => ({
      kind: 'Thing',
      metadata: { ...about(name).metadata, namespace, uid: `${namespace}-${name}` },
    });
    const writtenIn = (namespace: string) =>
      written.filter(({ metadata }) => metadata.namespace === namespace).length;
    for (let second = 0; second < 60; second += 1) {
      for (let number = 0; number < 50; number += 1)
        for (const hostile of ['h1', 'h2', 'h3', 'h4'])
          recorder.publish(inNamespace(hostile, 'a'), note('Flood', `${second} ${number}`));
      if (second % 10 === 0) recorder.publish(inNamespace('quiet', 'vm'), note('Step', `${second}`));
      await clock.advance(seconds(1));
      await recorder.flush();
    }
    expect(writtenIn('quiet')).toBe(6);
    expect(writtenIn('h1')).toBeGreaterThan(0);
    expect(written.length).toBeLessThan(400 + 4 * 20 + 60 * (10 + 4 * 0.2) + 10);
  });

  test('of one namespace leaves room for those of another', async () => {
    const { recorder, written } = aRecorder();
    for (let number = 0; number < 1000; number += 1) recorder.publish(about('a'), note('Flood', `${number}`));
    const { kind, metadata } = about('b');
    for (let number = 0; number < 150; number += 1)
      recorder.publish({ kind, metadata: { ...metadata, namespace: 'other' } }, note('Step', `${number}`));
    await recorder.flush();
    expect(written.filter((event) => event.metadata.namespace === 'other')).toHaveLength(150);
  });

  test('is written when the one before it is, with the time when it happened', async () => {
    const answers: (() => void)[] = [];
    const { clock, recorder, written } = aRecorder(
      () => new Promise((resolve) => void answers.push(resolve)),
    );
    for (const name of ['a', 'b', 'c']) recorder.publish(about(name), note('Creating'));
    await clock.advance(seconds(5));
    expect(written).toHaveLength(1);
    answers.shift()?.();
    await clock.advance(seconds(5));
    expect(written).toHaveLength(2);
    expect(written[1]).toMatchObject({
      eventTime: '2026-03-01T12:00:00.000000Z',
      involvedObject: { name: 'b' },
    });
  });

  test('that waits for its turn is written at once where the process ends', async () => {
    const answers: (() => void)[] = [];
    const { recorder, written } = aRecorder(() => new Promise((resolve) => void answers.push(resolve)));
    for (const name of ['a', 'b', 'c']) recorder.publish(about(name), note('Creating'));
    const flushed = recorder.flush();
    expect(written).toHaveLength(3);
    answers.forEach((answer) => answer());
    await flushed;
  });

  test('has a name that sorts after that of the one before, as kubectl lists those of one second', async () => {
    const { recorder, written, clock } = aRecorder();
    for (let number = 0; number < 20; number += 1) {
      recorder.publish(about('a'), note('Step', `${number}`));
      if (number % 7 === 0) await clock.advance(millis(1));
    }
    await recorder.flush();
    const names = written.map(({ metadata }) => metadata.name);
    expect(new Set(names).size).toBe(20);
    expect(names.toSorted()).toEqual(names);
  });

  test('of a condition is the same whatever its text is, and has the newest', async () => {
    const { recorder, written, replaced, clock } = aRecorder();
    const waits = (message: string) =>
      recorder.publish(about('a'), { type: 'Warning', reason: 'NoEligibleNode', message, ofCondition: true });
    for (const message of ['pve-1 is full.', 'pve-2 is full.', 'pve-1 is full.']) {
      waits(message);
      await recorder.flush();
    }
    expect(written).toHaveLength(1);
    await clock.advance(minutes(1));
    waits('pve-3 is full.');
    await recorder.flush();
    expect(written).toHaveLength(1);
    expect(replaced).toMatchObject([{ count: 4, message: 'pve-3 is full.' }]);
  });

  test.each([
    [
      403,
      'events is forbidden: unable to create new content in namespace a because it is being terminated',
      20,
    ],
    [404, 'namespaces "a" not found', 20],
    [403, 'User "operator" cannot create resource "events"', 40],
  ])('that is refused with %d (%s) is logged at level %d', async (status, message, level) => {
    const lines: string[] = [];
    const log = pino({ level: 'debug' }, { write: (line) => void lines.push(line) });
    const create = () => Promise.reject(new KubeError({ status, reason: 'Forbidden', message }));
    const client = { create, replace: create };
    const recorder = eventRecorder({ client, clock: fakeClock(), log, instance: 'pod-1' });
    recorder.publish(about('a'), note('One'));
    await recorder.flush();
    expect(lines.map((line) => (JSON.parse(line) as { level: number }).level)).toEqual([level]);
  });

  test('that cannot be written is no reason to fail', async () => {
    const { recorder, failFromNow } = aRecorder();
    failFromNow();
    recorder.publish(about('a'), note('One'));
    await expect(recorder.flush()).resolves.toBeUndefined();
  });
});
