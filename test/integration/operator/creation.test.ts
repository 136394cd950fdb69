/** With any fault during creation: one guest for each object, or none if it is deleted; nothing is left behind. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { FaultInput } from '../../fakepve/index.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { cloneRequests, type FakePve, guestNamed, images, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, tenant, userData, vm } from './tenant.ts';
import { expectNothingLeft, expectOneGuestEach } from './world.ts';

const lab = operatorAtWork({ namespaces: 19 });

describe('an object that changes while its VM is created', () => {
  test.concurrent('by an annotation every 50 ms gets one guest', async () => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', { userData }), vm('db', { disks: [{ name: 'root', size: '30Gi' }] }));
    const done = new AbortController();
    const annotating = (async () => {
      for (let n = 0; !done.signal.aborted; n += 1) {
        const metadata = { annotations: { 'example.com/counter': String(n) } };
        await Promise.all(['web', 'db'].map((name) => lab.plane.api.patch(t.path(name), { metadata })));
        await sleep(50);
      }
    })();
    await t.ready('vm/web', 'vm/db').finally(() => done.abort());
    await annotating;
    await expectOneGuestEach(t);
    expect(cloneRequests(t.pve)).toHaveLength(2);
    expect(tasksDone(t.pve, 'imgcopy')).toBe(1);
  });

  const requested = (pve: FakePve, name: string, ending: RegExp) => {
    const newid = cloneRequests(pve).find(({ params }) => params['name'] === name)?.params['newid'];
    const guest = [...pve.state.guests.values()].find((each) => String(each.vmid) === String(newid));
    return pve.requests.some(
      ({ method, path }) =>
        method !== 'GET' && ending.test(path) && (guest ? path.includes(`/${guest.vmid}`) : false),
    );
  };
  const guestOf = (pve: FakePve, name: string) =>
    [...pve.state.guests.values()].find((guest) => guest.get('name') === name);

  test.concurrent(
    'delete-during-create-does-not-orphan: by its deletion at any stage leaves nothing',
    async () => {
      const t = await tenant(lab.plane);
      const { pve } = t;
      const object = (name: string) => t.find('virtualmachines', name);
      const stages: Readonly<Record<string, (name: string) => boolean | Promise<boolean>>> = {
        'at-once': () => true,
        held: async (name) => ((await object(name))?.metadata.finalizers.length ?? 1) > 0,
        claimed: async (name) => (await object(name))?.status.vmid !== undefined,
        asked: (name) => cloneRequests(pve).some(({ params }) => params['name'] === name),
        noted: async (name) => (await object(name))?.status.internal?.['cloudInit'] !== undefined,
        cloned: (name) => guestOf(pve, name) !== undefined && guestOf(pve, name)?.get('lock') === undefined,
        uploaded: (name) => {
          const vmid = guestOf(pve, name)?.vmid;
          return vmid !== undefined && images(pve).some((image) => image.name.includes(`-${vmid}-`));
        },
        configured: (name) => guestOf(pve, name)?.get('smbios1') !== undefined,
        asking: (name) => requested(pve, name, /\/config$/),
        growing: (name) => requested(pve, name, /\/resize$/),
        starting: (name) => requested(pve, name, /\/status\/start$/),
        started: (name) => guestOf(pve, name)?.running !== undefined,
      };
      const done = async (name: string) => condition(await object(name)).is.startsWith('Ready=True');
      const names = Object.keys(stages);
      await t.apply(...names.map((name) => vm(name, { userData, disks: [{ name: 'root', size: '30Gi' }] })));
      await Promise.all(
        names.map(async (name) => {
          // What a stage leaves behind may have gone before anybody looked, where the machine stood still.
          await soon(async () =>
            expect((await stages[name]?.(name)) === true || (await done(name))).toBe(true),
          );
          expect(await lab.plane.api.remove(t.path(name))).toBe(true);
        }),
      );
      await t.vmsGone();
      expectNothingLeft(t);
    },
  );
});

describe('a clone', () => {
  const POST_CLONE = { method: 'POST', path: '/clone$', times: 1 } as const;

  const lost: readonly (readonly [string, FaultInput])[] = [
    ['the connection breaks', { ...POST_CLONE, kind: 'reset-after-effect' }],
    [
      'a proxy answers with 595',
      { ...POST_CLONE, kind: 'status-after-effect', code: 595, reason: 'No route to host' },
    ],
    [
      'a proxy times out (596-after-clone-post-does-not-clone-twice)',
      { ...POST_CLONE, kind: 'status-after-effect', code: 596, reason: 'Connection timed out' },
    ],
    ['the answer is empty', { ...POST_CLONE, kind: 'empty' }],
    ...[500, 503, 595].map(
      (code) =>
        [`it says ${code}`, { ...POST_CLONE, kind: 'status-after-effect', code, reason: 'Broken' }] as const,
    ),
  ];
  test.concurrent.each(lost)('whose answer is lost because %s is found and finished', async (_why, fault) => {
    const t = await tenant(lab.plane);
    t.pve.faults.add(fault);
    await t.apply(vm('web', { userData }));
    await t.ready('vm/web');
    expect(cloneRequests(t.pve)).toHaveLength(1);
    await expectOneGuestEach(t);
  });

  test.concurrent(
    'whose request was lost before it did anything is asked for again, when that is certain',
    async () => {
      const faults: readonly FaultInput[] = [
        { ...POST_CLONE, kind: 'reset-before' },
        { ...POST_CLONE, kind: 'status', code: 595, reason: 'Connection refused' },
        { ...POST_CLONE, kind: 'status', code: 596, reason: 'Broken pipe' },
        { ...POST_CLONE, kind: 'status', code: 500, reason: 'Internal Server Error' },
        { ...POST_CLONE, kind: 'status', code: 503, reason: 'Service Unavailable' },
      ];
      const tenants = await Promise.all(faults.map(() => tenant(lab.plane)));
      await Promise.all(
        tenants.map(async (t, n) => {
          t.pve.faults.add(faults[n]!);
          await t.apply(vm('web'));
          await soon(async () => {
            const object = await t.vm('web');
            const { is, message } = condition(object);
            expect(is).toBe('Ready=False CreateOutcomeUnknown');
            expect(message).toContain(`VM ${object.status.vmid ?? 'without number'}`);
          });
          await t.ready('vm/web');
          expect(tasksDone(t.pve, 'qmclone')).toBe(1);
          await expectOneGuestEach(t);
        }),
      );
    },
  );

  test.concurrent('whose outcome is unknown holds its object back until that is certain', async () => {
    const t = await tenant(lab.plane, { latency: { scale: 0.1, cloneLinked: 60_000, cloneFull: 60_000 } });
    t.pve.faults.add({ ...POST_CLONE, kind: 'reset-after-effect' });
    await t.apply(vm('web'));
    await soon(() => expect(cloneRequests(t.pve)).toHaveLength(1));
    await t.delete('vm/web');
    expect(t.pve.state.tasks.active()).toEqual([]);
    expectNothingLeft(t);
  });

  test.concurrent('that fails is tried again, and its remains are gone', async () => {
    const t = await tenant(lab.plane);
    t.pve.faults.add({
      ...POST_CLONE,
      kind: 'taskFail',
      exitstatus: 'clone failed: rbd error: No space left',
    });
    await t.apply(vm('web'));
    await soon(async () => {
      const { message } = condition(await t.vm('web'));
      expect(message).toContain('rbd error: No space left');
    });
    await t.ready('vm/web');
    await expectOneGuestEach(t);
  });

  test.concurrent('that is lost with its task, and made nothing, is asked for again', async () => {
    const t = await tenant(lab.plane);
    t.pve.faults.add({ ...POST_CLONE, kind: 'taskFail', exitstatus: 'unexpected status' });
    await t.apply(vm('web'));
    await t.ready('vm/web');
    expect(cloneRequests(t.pve)).toHaveLength(2);
    await expectOneGuestEach(t);
    await t.delete('vm/web');
    expectNothingLeft(t);
  });

  test.concurrent(
    'foreign-vm-on-our-vmid-is-never-touched: under a number that was taken meanwhile is repeated with another',
    async () => {
      const t = await tenant(lab.plane);
      t.pve.faults.add({ ...POST_CLONE, kind: 'delay', ms: 1500 });
      await t.apply(vm('web', { userData }));
      const number = await soon(async () => {
        const { vmid } = (await t.vm('web')).status;
        if (vmid === undefined) throw new Error('no number is reserved yet');
        return vmid;
      });
      t.pve.addGuest({ vmid: number, node: 'pve-2', config: { name: 'foreign', scsi0: 'nvme-storage:5' } });
      const foreign = t.pve.state.guests.get(number);
      const digest = foreign?.digest;
      await t.ready('vm/web');
      expect((await t.vm('web')).status.vmid).not.toBe(number);
      expect(t.pve.state.guests.get(number)).toBe(foreign);
      expect(foreign?.digest).toBe(digest);
      await expectOneGuestEach(t);
      await t.delete('vm/web');
      expect(t.pve.state.guests.get(number)?.digest).toBe(digest);
    },
  );
});

test.concurrent(
  'a privilege that is missing after the clone is named, and the same guest is completed with it',
  async () => {
    const t = await tenant(lab.plane);
    const { roles } = t.pve.state.access;
    const enough = roles.get('VirtRigaud') ?? [];
    roles.set(
      'VirtRigaud',
      enough.filter((privilege) => privilege !== 'VM.Config.CPU'),
    );
    await t.apply(vm('web'));
    await soon(async () => {
      const { is, message } = condition(await t.vm('web'));
      expect(is).toBe('Ready=False MissingPrivilege');
      expect(message).toContain('VM.Config.CPU');
    });
    const { vmid } = guestNamed(t.pve, 'web');
    expect(guestNamed(t.pve, 'web').running).toBeUndefined();
    roles.set('VirtRigaud', enough);
    await t.ready('vm/web');
    expect(guestNamed(t.pve, 'web').vmid).toBe(vmid);
    expect(cloneRequests(t.pve)).toHaveLength(1);
    await expectOneGuestEach(t);
  },
);
