/** Whether kstatus and Argo CD take an object for settled exactly when it is, from its creation to its end. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { argocdHealthProgram, type Health } from '../harness/argocd-health.ts';
import { kstatusProgram, type KStatus } from '../harness/kstatus.ts';
import {
  type OperatorPlane,
  type RunningOperator,
  sharedOperatorPlane,
  startOperator,
} from '../harness/operator.ts';
import { guestNamed, ownGuests } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { credentials, bareTenant, manifest, provider, type Tenant, vm, vmClass, vmImage } from './tenant.ts';

let plane: OperatorPlane;
let operator: RunningOperator | undefined;
let judge: Awaited<ReturnType<typeof kstatusProgram>>;
let health: Awaited<ReturnType<typeof argocdHealthProgram>>;
beforeAll(async () => {
  [plane, judge, health] = await Promise.all([
    sharedOperatorPlane(3),
    kstatusProgram(),
    argocdHealthProgram(),
  ]);
  plane.defer(async () => operator?.stop());
});
afterAll(() => plane.stop());

const HEALTH: Readonly<Partial<Record<KStatus['status'], Health['status']>>> = {
  InProgress: 'Progressing',
  Failed: 'Degraded',
  Current: 'Healthy',
  Terminating: 'Progressing',
};

/** What kstatus says; the health check for Argo CD has to agree. */
const statusOf = async (t: Tenant, plural: string, name: string): Promise<KStatus['status']> => {
  const object = await t.find(plural, name);
  const [[answer], [shown]] = await Promise.all([judge(object), health(object)]);
  expect(shown?.status).toBe(HEALTH[answer!.status]);
  return answer!.status;
};

test('an object is InProgress until the operator has settled it, and after every edit', async () => {
  const t = await bareTenant(plane);
  const is = (plural: string, name: string) => statusOf(t, plural, name);
  const become = (status: KStatus['status'], plural: string, name: string) =>
    soon(async () => expect(await is(plural, name)).toBe(status));

  // The operator is down.
  await t.apply(
    credentials(t.pve),
    provider(t.pve),
    vmClass(),
    vmImage(),
    vm('web', { providerRef: { name: 'typo' }, imageRef: { name: 'ubunto' } }),
    manifest('VMClone', 'web', { sourceVMRef: { name: 'late' } }),
  );
  for (const [plural, name] of [
    ['providers', 'pve'],
    ['vmclasses', 'small'],
    ['vmimages', 'ubuntu'],
    ['virtualmachines', 'web'],
    ['vmclones', 'web'],
  ] as const)
    expect([name, await is(plural, name)]).toEqual([name, 'InProgress']);

  operator = await startOperator(plane);
  await become('Current', 'providers', 'pve');
  await become('Current', 'vmimages', 'ubuntu');
  // Another object has the name of its copy.
  await become('Failed', 'vmclones', 'web');
  await soon(async () => expect((await t.vm('web')).status.conditions).not.toEqual([]));
  expect(await is('virtualmachines', 'web')).toBe('InProgress');

  // Nothing was created yet, so the references can be corrected.
  await t.apply(vm('web'));
  await become('Current', 'virtualmachines', 'web');
  await t.ready('vm/web');
  expect(ownGuests(t.pve)).toHaveLength(1);
  await expect(t.apply(vm('web', { imageRef: { name: 'ubunto' } }))).rejects.toThrow('spec.imageRef');

  // An edit counts as in progress before the operator has seen it.
  await operator.stop();
  await t.apply(vm('web', { powerState: 'Off' }), vm('late'));
  expect(await is('virtualmachines', 'web')).toBe('InProgress');
  expect(await is('virtualmachines', 'late')).toBe('InProgress');
  operator = await startOperator(plane);
  await become('Current', 'virtualmachines', 'web');
  await become('Current', 'virtualmachines', 'late');
  expect(guestNamed(t.pve, 'web').running).toBeUndefined();

  // What only a person can fix is Failed.
  const { vmid } = (await t.vm('late')).status;
  t.pve.outside.edit(vmid!, { description: 'No mark any more.' });
  t.pve.outside.stop(vmid!); // the list of guests does not show descriptions
  await become('Failed', 'virtualmachines', 'late');

  await t.kubectl('delete', 'vm', 'late', 'web', '--wait=false');
  expect(await is('virtualmachines', 'late')).toBe('Terminating');
  await soon(async () => expect(await t.find('virtualmachines', 'web')).toBeUndefined());
  await operator.stop();
  operator = undefined;
});

test('a sync of Argo CD waits for the snapshot of its PreSync hook', async () => {
  await operator?.stop();
  operator = undefined;
  const t = await bareTenant(plane);
  const hook = z
    .looseObject({ apiVersion: z.string(), kind: z.string(), metadata: z.looseObject({ name: z.string() }) })
    .parse(parse(readFileSync('deploy/argocd/presync-snapshot.yaml', 'utf8')));
  await t.apply(credentials(t.pve), provider(t.pve), vmClass(), vmImage(), vm('web-server'), hook);
  const healthOf = async () => (await health(await t.find('vmsnapshots', hook.metadata.name)))[0]?.status;
  expect(await healthOf()).toBe('Progressing');
  operator = await startOperator(plane);
  await soon(async () => {
    const answer = await healthOf();
    const [taken] = [...guestNamed(t.pve, 'web-server').snapshots.keys()];
    expect([answer, taken]).toEqual(['Healthy', expect.any(String)]);
  });
});

test('a start of the operator writes nothing to objects of which there is nothing new to say', async () => {
  operator ??= await startOperator(plane);
  const t = await bareTenant(plane);
  await t.apply(
    credentials(t.pve),
    provider(t.pve),
    vmClass(),
    vmImage(),
    vm('web'),
    vm('lost', { networks: [{ name: 'lan', bridge: 'vmbr77' }] }),
  );
  await t.ready('vm/web', 'vmimage/ubuntu');
  await soon(async () =>
    expect((await t.vm('lost')).status.conditions).toContainEqual(
      expect.objectContaining({ reason: 'BridgeNotFound' }),
    ),
  );
  const versions = async () =>
    Promise.all(
      [
        ['virtualmachines', 'web'],
        ['virtualmachines', 'lost'],
        ['vmimages', 'ubuntu'],
      ].map(async ([plural = '', name = '']) => (await t.find(plural, name))?.metadata.resourceVersion),
    );
  await operator.stop();
  const before = await versions();
  // The connection is open long after all objects have had a pass.
  t.pve.faults.add({ kind: 'delay', path: '/cluster/resources', ms: 3_000, times: 1 });
  operator = await startOperator(plane);
  await t.lookAgain('web');
  const [, ...others] = before;
  await soon(() => expect(t.pve.faults.unstruck()).toEqual([]));
  await t.apply(vm('late'));
  await t.ready('vm/late');
  expect((await versions()).slice(1)).toEqual(others);
});
