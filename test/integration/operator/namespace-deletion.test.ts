/**
 * An operator that watches all namespaces: kube-controller-manager deletes one, with its credentials while guests still
 * exist; Providers select some by their labels; and everything is uninstalled and installed again.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type OwnOperatorPlane, startOperator, startOperatorPlane } from '../harness/operator.ts';
import { guestNamed, images, orphans, ownGuests } from '../harness/pve.ts';
import { installOurs } from '../harness/install.ts';
import { soon } from '../harness/soon.ts';
import {
  bareTenant,
  condition,
  manifest,
  provider,
  tenant,
  userData,
  vm,
  vmClass,
  vmImage,
} from './tenant.ts';

let plane: OwnOperatorPlane;
beforeAll(async () => {
  plane = await startOperatorPlane({ controllerManager: true });
});
afterAll(() => plane.stop());

const Secrets = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });

/** The copies of credentials in the operator's namespace. */
async function copies(): Promise<readonly string[]> {
  const text = await plane.api.get(`/api/v1/namespaces/${plane.operatorNamespace}/secrets`);
  return Secrets.parse(JSON.parse(text ?? '{"items":[]}'))
    .items.map(({ metadata }) => metadata.name)
    .filter((name) => name.startsWith('virtrigaud-provider-'));
}

test('a namespace whose Secret is deleted while no operator runs leaves neither guests nor copies', async () => {
  let operator = await startOperator(plane);
  const t = await tenant(plane);
  await t.apply(vm('web', { userData }), vm('db', { powerState: 'Off' }));
  await t.ready('vm/web', 'vm/db');
  await t.apply(manifest('VMSnapshot', 'before', { vmRef: { name: 'web' } }));
  await t.ready('vmsnapshot/before');
  expect(await copies()).toHaveLength(1);
  await operator.stop();

  const namespace = `/api/v1/namespaces/${t.namespace}`;
  await plane.api.remove(namespace);
  await t.gone('secret/pve-credentials');
  expect(ownGuests(t.pve)).toHaveLength(2);

  operator = await startOperator(plane);
  await soon(async () => {
    const kept = await t.find('providers', 'pve');
    if (kept) expect(condition(kept, 'Reconciling').message).toContain('pve-credentials not found');
    expect(await plane.api.get(namespace)).toBeUndefined();
  });
  await soon(async () => expect(await copies()).toEqual([]));
  await operator.stop();
  expect(ownGuests(t.pve)).toEqual([]);
  expect(images(t.pve)).toEqual([]);
  expect(orphans(t.pve)).toEqual([]);
});

test('a namespace with a VM and linked clones of its snapshot on Ceph goes: the clones first, and no image stays', async () => {
  const operator = await startOperator(plane);
  const t = await tenant(plane);
  const copy = (name: string) =>
    vm(name, { imageRef: undefined, cloneFrom: { snapshotRef: { name: 'before' } } });
  await t.apply(vm('web'));
  await t.ready('vm/web');
  await t.apply(manifest('VMSnapshot', 'before', { vmRef: { name: 'web' } }));
  await t.ready('vmsnapshot/before');
  await t.apply(copy('copy-1'), copy('copy-2'));
  await t.ready('vm/copy-1', 'vm/copy-2');
  const source = guestNamed(t.pve, 'web').vmid;

  const namespace = `/api/v1/namespaces/${t.namespace}`;
  await plane.api.remove(namespace);
  await soon(async () => expect(await plane.api.get(namespace)).toBeUndefined());
  await operator.stop();
  const destroyed = t.pve.state.tasks.list().filter(({ type }) => type === 'qmdestroy');
  expect(destroyed.map(({ exitstatus }) => exitstatus)).toEqual(['OK', 'OK', 'OK']);
  // The newest is listed first.
  expect(destroyed[0]?.id).toBe(String(source));
  expect(ownGuests(t.pve)).toEqual([]);
  expect(orphans(t.pve)).toEqual([]);
});

test('a namespace whose Proxmox VE does not answer says why it stays, and goes without its guests if told so', async () => {
  const operator = await startOperator(plane);
  const t = await tenant(plane);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  t.pve.faults.add({ kind: 'reset-before' });
  const namespace = `/api/v1/namespaces/${t.namespace}`;
  await plane.api.remove(namespace);
  await soon(async () => {
    const web = await t.vm('web');
    expect(web.status).toMatchObject({ phase: 'Deleting' });
    const { is, message } = condition(web, 'Reconciling');
    // Its Secret may be gone before the server counts as silent. Then a copy of the credentials is tried, in vain.
    expect(is).toMatch(/^Reconciling=True Provider(Unreachable|NotReady)$/);
    expect(message).toContain(`kubectl annotate vm web -n ${t.namespace} virtrigaud.io/force-delete=true`);
  });
  await t.annotate('vm/web', { 'virtrigaud.io/force-delete': 'true' });
  await soon(async () => expect(await plane.api.get(namespace)).toBeUndefined());
  await operator.stop();
  expect(ownGuests(t.pve)).toHaveLength(1);
});

test('a namespace may use a Provider while its Namespace has the label that this selects, and keeps its guests without', async () => {
  const operator = await startOperator(plane);
  const owner = await tenant(plane);
  const t = await bareTenant(plane);
  const label = (tenant: string | null) =>
    plane.api.patch(`/api/v1/namespaces/${t.namespace}`, { metadata: { labels: { tenant } } });
  const refused = () =>
    soon(async () => expect(condition(await t.vm('web')).is).toBe('Ready=False ReferenceNotAllowed'));
  const grants = [{ namespaces: { selector: { matchLabels: { tenant: 'yes' } } } }];
  await owner.patch('provider/pve', { spec: { grants } });
  await t.apply(
    vmClass(),
    vmImage(),
    vm('web', { providerRef: { name: 'pve', namespace: owner.namespace } }),
  );
  await refused();
  await label('yes');
  await t.ready('vm/web');
  await label(null);
  await refused();
  expect(ownGuests(owner.pve)).toHaveLength(1);
  await label('yes');
  await t.ready('vm/web');
  await operator.stop();
});

test('a placement policy keeps VMs of other namespaces apart if the Provider grants it, in both directions', async () => {
  const operator = await startOperator(plane);
  const owner = await tenant(plane);
  const [one, other] = [await bareTenant(plane), await bareTenant(plane)];
  const labels = { app: 'quorum' };
  const apart = manifest('VMPlacementPolicy', 'apart', {
    antiAffinity: [
      {
        key: 'app',
        operator: 'In',
        values: ['quorum'],
        namespaceSelector: { matchLabels: { quorum: 'yes' } },
      },
    ],
  });
  const member = (name: string, spec: object = {}) => {
    const providerRef = { name: 'pve', namespace: owner.namespace };
    return manifest('VirtualMachine', name, vm(name, { providerRef, ...spec }).spec, { labels });
  };
  const grantsOf = (placementAcrossNamespaces: boolean) => [
    { namespaces: { names: [one.namespace, other.namespace] }, placementAcrossNamespaces },
  ];
  for (const { namespace } of [one, other])
    await plane.api.patch(`/api/v1/namespaces/${namespace}`, { metadata: { labels: { quorum: 'yes' } } });
  await owner.patch('provider/pve', { spec: { grants: grantsOf(false) } });
  for (const t of [one, other]) await t.apply(vmClass(), vmImage());
  await other.apply(member('free-0'), member('free-1'));
  await other.ready('vm/free-0', 'vm/free-1');

  await one.apply(apart, member('held', { placementRef: { name: 'apart' } }));
  await soon(async () => {
    const { is, message } = condition(await one.vm('held'));
    expect(is).toBe('Ready=False NotGranted');
    expect(message).toContain('spec.grants[].placementAcrossNamespaces');
  });
  const policy = async () => condition(await one.find('vmplacementpolicies', 'apart')).is;
  await soon(async () => expect(await policy()).toBe('Ready=False NotGranted'));
  await owner.patch('provider/pve', { spec: { grants: grantsOf(true) } });
  await one.ready('vm/held');
  await soon(async () => expect(await policy()).toMatch(/^Ready=True/));
  const nodeOf = async (t: typeof one, name: string) => (await t.vm(name)).status.node;
  const taken = [await nodeOf(other, 'free-0'), await nodeOf(other, 'free-1')];
  const held = await nodeOf(one, 'held');
  expect(taken).not.toContain(held);

  // It has no policy of its own, and each of the nodes has one that it is kept from, or that keeps it away.
  const nodes = ['pve-1', 'pve-2', 'pve-3'].filter((node) => node !== held);
  await other.apply(member('late'));
  await other.ready('vm/late');
  expect(nodes).toContain(await nodeOf(other, 'late'));
  await one.apply(member('last', { placementRef: { name: 'apart' } }));
  await soon(async () => {
    const { message } = condition(await one.vm('last'), 'Placed');
    expect(message).toMatch(/VirtualMachine held is on it, which antiAffinity excludes/);
    expect(message).not.toContain('free-0');
    if (new Set(taken).size === 2)
      expect(message).toContain('a VirtualMachine of another namespace is on it');
  });
  await operator.stop();
});

test('docs/uninstall.md, step by step: guests are kept or destroyed as the specs say, and adopted after a reinstallation', async () => {
  const operator = await startOperator(plane);
  const t = await tenant(plane);
  await t.apply(vm('kept'), vm('gone'));
  await t.ready('vm/kept', 'vm/gone');
  const [kept, gone] = ['kept', 'gone'].map((name) => guestNamed(t.pve, name).vmid);

  const crds = ['delete', '--wait=false', '-f', 'crds'] as const;
  const { code, stderr } = await plane.kubectl(crds);
  expect(code).not.toBe(0);
  expect(stderr).toContain('virtrigaud.io/confirm-deletion');
  await t.kubectl('patch', 'vm', 'kept', '--type=merge', '-p', '{"spec":{"deletionPolicy":"Retain"}}');
  await plane.succeed(['delete', 'vm,provider,vmclass,vmimage', '--all', '-A', '--timeout=180s']);
  await plane.succeed(['annotate', '-f', 'crds', 'virtrigaud.io/confirm-deletion=true']);
  await soon(() => plane.succeed(crds));
  await operator.stop();
  expect([kept, gone].map((vmid) => t.pve.state.guests.has(vmid!))).toEqual([true, false]);
  expect(ownGuests(t.pve)).toEqual([]);

  await installOurs(plane);
  const again = await startOperator(plane);
  await t.apply(
    provider(t.pve),
    vmClass(),
    vmImage(),
    vm('kept', { imageRef: undefined, adopt: { vmid: kept } }),
  );
  await t.ready('vm/kept');
  expect((await t.vm('kept')).status.vmid).toBe(kept);
  expect(t.pve.state.guests.get(kept!)?.running).toBeDefined();
  await again.stop();
});
