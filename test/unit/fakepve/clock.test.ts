import { describe, expect, test } from '@jest/globals';
import { Interrupted, RunningClock, ManualClock } from '../../fakepve/clock.ts';
import type { ClusterInput } from '../../fakepve/index.ts';
import { describeWorld } from '../../fakepve/state-view.ts';
import { type Client, withFake } from './client.ts';

const HOUR = 3_600_000;
const clocks = [
  ['a manual clock', () => new ManualClock()],
  ['a running clock', () => new RunningClock()],
] as const;

describe.each(clocks)('%s that is moved', (_, make) => {
  test('wakes sleepers in the order of their time, each at its time', async () => {
    const clock = make();
    const start = clock.now();
    const woken: [string, number][] = [];
    const sleep = (name: string, hours: number) =>
      clock.sleep(hours * HOUR).then(() => woken.push([name, Math.round((clock.now() - start) / HOUR)]));
    const all = [sleep('late', 3), sleep('early', 1), sleep('between', 2)];
    await clock.advance(3.5 * HOUR);
    await Promise.all(all);
    expect(woken).toEqual([
      ['early', 1],
      ['between', 2],
      ['late', 3],
    ]);
  });

  test('wakes again those who fall asleep again within the same time', async () => {
    const clock = make();
    let rounds = 0;
    const work = async () => {
      for (; rounds < 10; rounds += 1) await clock.sleep(HOUR);
    };
    void work();
    await clock.advance(4.5 * HOUR);
    expect(rounds).toBe(4);
  });

  test('wakes no sleeper early', async () => {
    const clock = make();
    let awake = false;
    void clock.sleep(2 * HOUR).then(() => (awake = true));
    await clock.advance(HOUR);
    expect(awake).toBe(false);
  });

  test('lets sleepers be interrupted', async () => {
    const clock = make();
    const controller = new AbortController();
    const asleep = clock.sleep(HOUR, controller.signal);
    controller.abort();
    await expect(asleep).rejects.toThrow(Interrupted);
    await expect(clock.sleep(HOUR, controller.signal)).rejects.toThrow(Interrupted);
  });
});

test('a running clock wakes sleepers as time passes, a manual one only those without a duration', async () => {
  await expect(new RunningClock().sleep(1)).resolves.toBeUndefined();
  await expect(new ManualClock().sleep(0)).resolves.toBeUndefined();
});

const cluster: ClusterInput = {
  name: 'lab',
  nodes: [{ name: 'a' }, { name: 'b' }],
  storages: [{ id: 'ceph', type: 'rbd', content: ['images', 'iso'], shared: true }],
  guests: [
    {
      vmid: 9000,
      node: 'a',
      template: true,
      config: { name: 'golden', scsi0: 'ceph:4', ide2: 'ceph:cloudinit' },
    },
    { vmid: 100, node: 'b', running: true, config: { scsi0: 'ceph:1', net0: 'virtio', agent: 1 } },
  ],
};

/** A little of everything that is made by chance or by time, with tasks that overlap. */
async function story({ send }: Pick<Client, 'send'>, pass: (ms: number) => Promise<void>): Promise<void> {
  await send('POST', '/nodes/a/qemu/9000/clone', { newid: 101, name: 'linked', target: 'b' });
  await send('POST', '/nodes/a/qemu/9000/clone', { newid: 102, name: 'full', full: 1 });
  await send('POST', '/nodes/b/qemu/100/snapshot', { snapname: 'before', vmstate: 1 });
  await pass(700);
  await send('PUT', '/nodes/b/qemu/101/config', { net0: 'virtio,bridge=vmbr0', ciuser: 'jane' });
  await send('POST', '/nodes/b/qemu/101/status/start');
  await send('POST', '/cluster/ha/resources', { sid: 'vm:100' });
  await pass(5000);
  await send('POST', '/nodes/b/qemu/100/status/shutdown');
  await send('POST', '/nodes/a/qemu', { vmid: 103, scsi0: 'ceph:1', net0: 'virtio' });
  await send('DELETE', '/nodes/a/qemu/102');
  await pass(60_000);
}

async function stateAfterStory(seed: string): Promise<object> {
  const clock = new ManualClock();
  let state = {};
  await withFake({ cluster, clock, seed, latency: {} }, async (client, fake) => {
    await story({ send: (...args) => client.send(...args) }, (ms) => clock.advance(ms));
    expect(fake.state.tasks.list().length).toBeGreaterThan(6);
    expect(fake.state.tasks.active()).toEqual([]);
    expect(fake.requests.every(({ status }) => status === 200)).toBe(true);
    state = describeWorld(fake.state);
  });
  return state;
}

describe('two fakes with a manual clock and the same requests', () => {
  test('are the same down to MACs and process numbers, if they have one seed', async () => {
    expect(await stateAfterStory('one')).toEqual(await stateAfterStory('one'));
  });

  test('differ if their seeds do', async () => {
    expect(await stateAfterStory('one')).not.toEqual(await stateAfterStory('two'));
  });
});

test('the clock can be moved over HTTP', () =>
  withFake({ clock: new ManualClock(Date.UTC(2026, 5, 1)) }, async (client) => {
    const move = (body: unknown) => client.send('POST', '/fakepve/clock', {}, { body: JSON.stringify(body) });
    expect((await client.send('GET', '/version')).headers['date']).toBe('Mon, 01 Jun 2026 00:00:00 GMT');
    expect((await move({ advance: HOUR })).data).toEqual({ now: Date.UTC(2026, 5, 1, 1) });
    expect((await client.send('GET', '/version')).headers['date']).toBe('Mon, 01 Jun 2026 01:00:00 GMT');
    expect((await move({ advance: -1 })).status).toBe(400);
    expect((await move({ ahead: 1 })).status).toBe(400);
  }));
