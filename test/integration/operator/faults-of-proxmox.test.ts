/** With any fault of requests to Proxmox VE and of the tasks that they start: one guest for each object, then none. */
import { describe, expect, test } from '@jest/globals';
import type { FaultInput } from '../../fakepve/index.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { changes, cloneRequests, guestNamed, ownGuests, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, tenant, type Tenant, userData, vm } from './tenant.ts';
import { expectNothingLeft, expectOneCloneEach, expectOneGuestEach } from './world.ts';

const lab = operatorAtWork({ namespaces: 20 });

interface Step {
  readonly method: string;
  readonly path: string;
}

const CLONE: Step = { method: 'POST', path: '/clone$' };
/** Requests in the life of a VM with an image, after the clone, that begin a task. */
const TASKS: readonly Step[] = [
  { method: 'POST', path: '/upload$' },
  { method: 'PUT', path: '/resize$' },
  { method: 'POST', path: '/status/start$' },
  { method: 'POST', path: '/status/shutdown$' },
  { method: 'DELETE', path: '/qemu/\\d+$' },
  { method: 'DELETE', path: '/content/' },
];
/** With the configuration of a guest that is off, which is written at once. */
const STEPS: readonly Step[] = [...TASKS, { method: 'PUT', path: '/config$' }];
/** A VM that takes all of these steps. */
const full = (name: string) => vm(name, { userData, disks: [{ name: 'root', size: '30Gi' }] });

/** From nothing to one guest and back to nothing. */
async function liveWith(t: Tenant, faults: readonly FaultInput[]): Promise<void> {
  for (const fault of faults) t.pve.faults.add(fault);
  await t.apply(full('web'));
  await t.ready('vm/web');
  await expectOneGuestEach(t);
  await expectOneCloneEach(t);
  expect(guestNamed(t.pve, 'web').running).toBeDefined();
  await t.delete('vm/web');
  expectNothingLeft(t);
  expect(t.pve.faults.unstruck()).toEqual([]);
}

describe('a life in which every first request', () => {
  type RequestFault = Extract<FaultInput, { times?: number | undefined }>;
  const of = (steps: readonly Step[], fault: RequestFault): FaultInput[] =>
    steps.map((step) => ({ ...fault, ...step, times: 1 }));
  // A clone that may be under way is waited for a minute: creation.test.ts does.
  const faults: readonly (readonly [string, readonly FaultInput[]])[] = [
    ...[500, 503, 595].map(
      (code) => [`is answered with ${code}`, of(STEPS, { kind: 'status', code, reason: 'Broken' })] as const,
    ),
    ['is lost', of(STEPS, { kind: 'reset-before' })],
    ['is carried out, and its answer lost', of([CLONE, ...STEPS], { kind: 'reset-after-effect' })],
    ...[500, 503, 595, 596].map(
      (code) =>
        [
          `is carried out, and answered with ${code}`,
          of(STEPS, { kind: 'status-after-effect', code, reason: 'Broken' }),
        ] as const,
    ),
    ['begins a task that fails', of([CLONE, ...TASKS], { kind: 'taskFail', exitstatus: 'no space' })],
    [
      'begins a task that is reported as failed though its work was done',
      of(TASKS, { kind: 'taskFail', exitstatus: 'cannot close', late: true }),
    ],
    [
      'begins a task with an unknown outcome, and its work was done',
      of([CLONE, ...TASKS], { kind: 'taskFail', exitstatus: 'unexpected status', late: true }),
    ],
    [
      'begins a task with an unknown outcome, and nothing was done',
      of(TASKS, { kind: 'taskFail', exitstatus: 'unexpected status' }),
    ],
  ];
  test.concurrent.each(faults)('%s comes to one guest and to none', async (_what, rules) =>
    liveWith(await tenant(lab.plane), rules),
  );

  test.concurrent(
    'warnings-task-is-success: begins a task that ends with warnings is made once',
    async () => {
      const t = await tenant(lab.plane);
      t.pve.faults.add({ kind: 'taskWarn' });
      await liveWith(t, []);
      for (const path of ['/clone$', '/upload$', '/resize$', '/status/start$', '/status/shutdown$'])
        expect(changes(t.pve).filter((request) => new RegExp(path).test(request.path))).toHaveLength(1);
    },
  );
});

test.concurrent(
  'poll-error-is-not-task-failure: who cannot ask about a task does not begin another',
  async () => {
    const t = await tenant(lab.plane, { latency: { scale: 0.1, cloneLinked: 20_000 } });
    for (const code of [500, 596, 503])
      t.pve.faults.add({ kind: 'status', path: '/tasks/.*/status$', code, reason: 'no answer', times: 6 });
    await t.apply(vm('web'));
    await t.ready('vm/web');
    expect(cloneRequests(t.pve)).toHaveLength(1);
    expect((await t.vm('web')).status['failure']).toBeUndefined();
    await expectOneGuestEach(t);
  },
);

test.concurrent(
  'a clone that never ends holds up no other VM, and is made again once it was stopped',
  async () => {
    const t = await tenant(lab.plane);
    t.pve.faults.add({ kind: 'taskHang', ...CLONE, times: 1 });
    await t.apply(vm('slow'));
    await soon(() => expect(cloneRequests(t.pve)).toHaveLength(1));
    const others = Array.from({ length: 8 }, (_, n) => `other-${n}`);
    await t.apply(...others.map((name) => vm(name)));
    await t.ready(...others.map((name) => `vm/${name}`));
    await soon(async () => expect(condition(await t.vm('slow')).is).toBe('Ready=False TaskRunning'));
    const [hanging] = t.pve.state.tasks.active();
    t.pve.state.tasks.abort(hanging?.upid ?? '');
    await t.ready('vm/slow');
    await expectOneGuestEach(t);
    await expectOneCloneEach(t);
  },
);

describe('a Proxmox VE that answers nothing', () => {
  const down: FaultInput = { kind: 'reset-before' };
  const unreachable = (t: Tenant) =>
    soon(async () => {
      expect(condition(await t.find('providers', 'pve')).is).toBe('Ready=False Unreachable');
    });

  test.concurrent('while a VM is cloned is waited for, and the clone is found', async () => {
    const t = await tenant(lab.plane, { latency: { scale: 0.1, cloneLinked: 20_000 } });
    await t.apply(full('web'));
    await soon(() => expect(t.pve.state.tasks.active().map(({ type }) => type)).toContain('qmclone'));
    t.pve.faults.add(down);
    await unreachable(t);
    expect(condition(await t.vm('web')).is).toMatch(/^Ready=(False|Unknown ProviderUnreachable)/);
    t.pve.faults.clear();
    await t.ready('vm/web', 'provider/pve');
    expect(cloneRequests(t.pve)).toHaveLength(1);
    await expectOneGuestEach(t);
  });

  test.concurrent('provider-unreachable-keeps-finalizer: while a VM is deleted', async () => {
    const t = await tenant(lab.plane);
    await t.apply(full('web'));
    await t.ready('vm/web');
    t.pve.faults.add(down);
    await unreachable(t);
    await t.requestDeletion('vm/web');
    await soon(async () => {
      const object = await t.vm('web');
      expect(condition(object, 'Reconciling').is).toBe('Reconciling=True ProviderUnreachable');
      expect(object.metadata.finalizers).not.toEqual([]);
    });
    expect(ownGuests(t.pve)).toHaveLength(1);
    expect(tasksDone(t.pve, 'qmdestroy')).toBe(0);
    t.pve.faults.clear();
    await t.gone('vm/web');
    expectNothingLeft(t);
  });
});
