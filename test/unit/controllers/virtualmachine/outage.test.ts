/** While a Provider does not answer, its VMs ask nothing, and say so one after the other. */
import { describe, expect, test } from '@jest/globals';
import { createOutages } from '../../../../controllers/virtualmachine/outage.ts';
import type { Provider } from '../../../../src/api/index.ts';
import { PveError } from '../../../../src/pve/index.ts';
import { NOW } from '../../../builders/guests.ts';
import { Life } from '../../../builders/life.ts';
import { aProvider, aVirtualMachine, type VirtualMachineChange } from '../../../builders/objects.ts';
import { aView } from '../../../builders/views.ts';

const noAnswer = (why = 'no answer came in time.'): PveError =>
  new PveError({
    refusal: 'unavailable',
    method: 'GET',
    route: '/nodes/{node}/qemu/{vmid}/config',
    code: 'timeout',
    message: 'Proxmox VE did not answer.',
    noAnswer: why,
  });

/** A VM that is ready, and a server that can be silent. */
async function aReadyVm() {
  const server = { silent: false, asked: [] as string[] };
  const life = new Life({
    between: ({ send, store }) => ({
      store,
      send: (endpoint, params, options) => {
        if (!server.silent) return send(endpoint, params, options);
        server.asked.push(endpoint.path);
        return Promise.reject(noAnswer());
      },
    }),
  });
  await life.untilReady();
  for (let pass = 0; pass < 20; pass += 1) await life.pass();
  return { life, server };
}

const conditionOf = ({ status }: Life, wanted = 'Ready'): string => {
  const found = status.conditions?.find(({ type }) => type === wanted);
  return `${found?.status} ${found?.reason}`;
};

const isOfTheList = (path: string): boolean => path.startsWith('/cluster/');

/** Passes until so much time has gone by. */
async function passes(life: Life, ms: number): Promise<void> {
  for (const end = life.now + ms; life.now < end;) await life.pass();
}

describe('a VM whose Provider does not answer', () => {
  test('asks nothing, and is reported once that has lasted for half a minute', async () => {
    const { life, server } = await aReadyVm();
    server.silent = true;
    const writes = life.store.statusWrites.length;
    const since = life.now;
    life.process.processStates.invalidate(life.store.live()!.metadata.uid);
    while (life.now - since < 25_000) {
      await life.pass();
      expect(conditionOf(life)).toBe('True Reconciled');
    }
    expect(life.store.statusWrites).toHaveLength(writes);
    await passes(life, 120_000);
    expect(conditionOf(life)).toBe('Unknown ProviderUnreachable');
    expect(life.status).toMatchObject({ phase: 'Running', powerState: 'On' });
    expect(life.store.statusWrites).toHaveLength(writes + 1);
    expect(server.asked.filter((path) => !isOfTheList(path))).toEqual([]);
    server.silent = false;
    await life.untilReady();
  });

  test('answers an edit at once, and acts on it when the Provider is back', async () => {
    const { life, server } = await aReadyVm();
    server.silent = true;
    await passes(life, 6_000);
    life.store.editSpec({ powerState: 'Off' });
    await life.pass();
    expect(conditionOf(life)).toBe('Unknown ProviderUnreachable');
    expect(server.asked.filter((path) => !isOfTheList(path))).toEqual([]);
    server.silent = false;
    await life.until(() => life.status.phase === 'Stopped');
  });

  test('is kept while it is being deleted, whatever it has made', async () => {
    const { life, server } = await aReadyVm();
    server.silent = true;
    await passes(life, 6_000);
    life.store.markDeleted();
    await passes(life, 120_000);
    expect([conditionOf(life), conditionOf(life, 'Reconciling')]).toEqual([
      'False Deleting',
      'True ProviderUnreachable',
    ]);
    expect(life.store.live()?.metadata.finalizers).not.toEqual([]);
    server.silent = false;
    await life.until(() => life.store.live() === undefined);
  });

  test('does not report that of a request that was on its way when the outage began', async () => {
    const { life, server } = await aReadyVm();
    await passes(life, 5_000);
    life.process.processStates.invalidate(life.store.live()!.metadata.uid);
    server.silent = true; // the list that was just read does not show it
    await life.process.pass();
    expect(server.asked.some((path) => !isOfTheList(path))).toBe(true);
    expect(conditionOf(life)).toBe('True Reconciled');
  });
});

describe('an outage of several minutes, with two endpoints that fail in different ways', () => {
  const ERRORS = ['https://a:8006: no answer came in time.', 'https://b:8006: connection refused.'];

  /** A VM whose requests fail in one way and the other, in turn. */
  function aVmIn(spec: VirtualMachineChange['spec'] = {}, provider = aProvider) {
    const server = { silent: false, asked: 0 };
    const life = new Life({
      vm: { spec },
      provider: () => (server.silent ? provider() : aProvider()),
      between: ({ send, store }) => ({
        store,
        send: (endpoint, params, options) =>
          server.silent
            ? Promise.reject(noAnswer(ERRORS[(server.asked += 1) % 2]))
            : send(endpoint, params, options),
      }),
    });
    return { life, server };
  }

  /** A Provider that reports what it met last, as an operator that was started in the outage finds it. */
  let met = 0;
  const aSilentProvider = (): Provider =>
    aProvider(
      {},
      {},
      {
        clusterID: 'homelab',
        conditions: [
          {
            type: 'Ready',
            status: 'False',
            reason: 'Unreachable',
            message: `failed to connect to Proxmox VE: ${ERRORS[(met += 1) % 2]}`,
            lastTransitionTime: '2026-03-01T11:00:00Z',
            observedGeneration: 1,
          },
        ],
      },
    );

  const ALIKE = {
    Ready: 'Unknown ProviderUnreachable',
    Synced: 'Unknown ProviderUnreachable',
    GuestAgentConnected: 'Unknown ProviderUnreachable',
  };
  const shown = (life: Life) =>
    Object.fromEntries(Object.keys(ALIKE).map((type) => [type, conditionOf(life, type)]));

  test.each<[string, VirtualMachineChange['spec'], (life: Life) => void, object]>([
    ['runs', {}, () => undefined, ALIKE],
    ['is off', { powerState: 'Off' }, () => undefined, ALIKE],
    ['was edited', {}, (life) => life.store.editSpec({ powerState: 'Off' }), ALIKE],
    ['is served by an operator that was started meanwhile', {}, (life) => life.restart(), ALIKE],
    ['is being deleted', {}, (life) => life.store.markDeleted(), { ...ALIKE, Ready: 'False Deleting' }],
  ])(
    'a VM that %s is written at most twice, and reads like all others',
    async (_what, spec, during, expected) => {
      const { life, server } = aVmIn(spec, aSilentProvider);
      await life.untilReady();
      await passes(life, 30_000);
      server.silent = true;
      const writes = life.store.statusWrites.length;
      await passes(life, 8_000);
      during(life);
      await passes(life, 300_000);
      expect(life.store.statusWrites.length - writes).toBeLessThanOrEqual(2);
      expect(shown(life)).toEqual(expected);
      expect(life.status.message).toMatch(/^Provider "pve" does not answer; its condition Ready says why/);
      expect(life.status.message).not.toContain('8006');
      if (_what === 'is being deleted') expect(life.status.phase).toBe('Deleting');
      server.silent = false;
      if (_what === 'is being deleted') await life.until(() => life.store.live() === undefined);
      else await life.untilReady();
      expect(life.store.live() === undefined || conditionOf(life, 'Synced') === 'True InSync').toBe(true);
    },
  );
});

describe('many VMs whose Provider does not answer', () => {
  const vms = Array.from({ length: 300 }, (_, n) =>
    aVirtualMachine({
      metadata: { name: `vm-${n}`, uid: `uid-${n}` },
      status: {
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: 'Reconciled',
            message: 'm',
            lastTransitionTime: '2026-03-01T12:00:00Z',
            observedGeneration: 1,
          },
        ],
      },
    }),
  );

  test('are written at most twenty times a second, and not within the first half minute', () => {
    let now = NOW;
    const outages = createOutages({
      connections: { get: () => undefined, isPending: () => false },
      now: () => now,
    });
    const due = new Map(vms.map((vm) => [vm, NOW + 1]));
    const written: number[] = [];
    for (; due.size > 0; now += 10)
      for (const [vm, at] of due) {
        if (at > now) continue;
        const { outcome } = outages.report(vm, NOW);
        if (outcome.kind === 'unchanged') due.set(vm, now + outcome.again);
        else if (due.delete(vm)) written.push(now - NOW);
      }
    expect(written[0]).toBeGreaterThanOrEqual(30_000);
    expect(written.at(-1)).toBeLessThan(46_000);
    for (const start of written)
      expect(written.filter((at) => at >= start && at < start + 1000).length).toBeLessThanOrEqual(21);
  });
});

describe('a request that is not answered', () => {
  const refused = new PveError({
    refusal: 'unauthenticated',
    method: 'GET',
    route: '/nodes/{node}/qemu/{vmid}/config',
    code: '401',
    message: 'authentication failure',
  });
  const behind = (takenAt: number, refreshed: 'answers' | 'is silent', error = noAnswer()) => {
    let view = aView({ takenAt });
    const inventory = {
      view: () => view,
      refresh: () => {
        view = aView({ takenAt, ...(refreshed === 'is silent' && { staleSince: NOW - 1000 }) });
        return refreshed === 'answers' ? Promise.resolve(view) : Promise.reject(noAnswer());
      },
    };
    const connections = { get: () => ({ inventory }), isPending: () => false };
    const outages = createOutages({ connections: connections as never, now: () => NOW });
    return outages.behind(error, aVirtualMachine(), new AbortController().signal);
  };

  test('is a matter of its VM where the Provider answers others', async () => {
    await expect(behind(NOW - 1000, 'answers')).rejects.toThrow(PveError);
  });

  test('is none where the Provider accepts the credentials of nobody', async () => {
    expect((await behind(NOW - 1000, 'is silent', refused)).outcome).toMatchObject({
      reason: 'ProviderUnreachable',
    });
    await expect(behind(NOW - 1000, 'answers', refused)).rejects.toThrow(PveError);
  });

  test('is none where the Provider answers nobody, also before that is known', async () => {
    expect((await behind(NOW - 1000, 'is silent')).outcome).toMatchObject({ reason: 'ProviderUnreachable' });
    expect((await behind(NOW - 25_000, 'answers')).outcome).toMatchObject({ reason: 'ProviderUnreachable' });
  });
});
