/** --watch-namespace: an operator that has rights in its namespaces alone acts there, and nowhere else. */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import { GROUP as API_GROUP } from '../../../src/api/group.ts';
import {
  type OperatorPlane,
  keepOperator,
  type RunningOperator,
  sharedOperatorPlane,
} from '../harness/operator.ts';
import { guestNamed, ownGuests } from '../harness/pve.ts';
import { mayServiceAccount } from '../harness/rights.ts';
import { soon } from '../harness/soon.ts';
import { condition, GROUP, manifest, provider, tenant, type Tenant, vm } from './tenant.ts';
import { expectOneGuestEach } from './world.ts';

const KUSTOMIZE = resolve(import.meta.dirname, '../../../deploy/kustomize');

const labs: { readonly plane: OperatorPlane; readonly operator: Omit<RunningOperator, 'ended'> }[] = [];

/** An operator as the namespaced installation makes it: with the rights of its ServiceAccount. */
async function installed(count: number): Promise<OperatorPlane> {
  const plane = await sharedOperatorPlane(count);
  const own = await rendered(plane, 'namespaced');
  expect(own.filter(({ kind }) => kind.startsWith('ClusterRole'))).toEqual([]);
  const account = own.filter(({ kind }) => ['ServiceAccount', 'Role', 'RoleBinding'].includes(kind));
  await apply(plane, plane.operatorNamespace, account);
  for (const namespace of plane.namespaces ?? []) {
    await apply(plane, namespace, await rendered(plane, 'watched-namespace'));
  }
  const operator = await keepOperator(plane, { kubeconfig: await accountKubeconfig(plane) });
  labs.push({ plane, operator });
  return plane;
}

const Rendered = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
  subjects: z.array(z.looseObject({ namespace: z.string() })).optional(),
});
type Rendered = z.output<typeof Rendered>;

async function rendered(plane: OperatorPlane, folder: string): Promise<readonly Rendered[]> {
  const text = await plane.succeed(['kustomize', join(KUSTOMIZE, folder)]);
  return parseAllDocuments(text).map((document) => Rendered.parse(document.toJS()));
}

/** In a namespace, for the operator of this test: `virtrigaud-system` may be another's. */
const apply = (
  { operatorNamespace, succeed }: OperatorPlane,
  namespace: string,
  objects: readonly Rendered[],
): Promise<string> =>
  succeed(['apply', '-f', '-'], {
    input: objects
      .map(({ metadata, subjects, ...rest }) =>
        stringify({
          ...rest,
          metadata: { ...metadata, namespace },
          ...(subjects && {
            subjects: subjects.map((subject) => ({ ...subject, namespace: operatorNamespace })),
          }),
        }),
      )
      .join('---\n'),
  });

const Kubeconfig = z.looseObject({ users: z.tuple([z.looseObject({ user: z.looseObject({}) })]) });

async function accountKubeconfig(plane: OperatorPlane): Promise<string> {
  const { operatorNamespace, dir, kubeconfig, succeed } = plane;
  const token = await succeed(['create', 'token', 'provider-proxmox', '-n', operatorNamespace]);
  const config = Kubeconfig.parse(parse(await readFile(kubeconfig, 'utf8')));
  config.users[0].user = { token: token.trim() };
  const file = join(dir, `${operatorNamespace}.kubeconfig`);
  await writeFile(file, stringify(config), { mode: 0o600 });
  return file;
}

let first: OperatorPlane;
let second: OperatorPlane;
beforeAll(async () => {
  [first, second] = await Promise.all([installed(2), installed(1)]);
});
afterAll(async () => {
  await Promise.all(labs.map(({ operator }) => operator.stop()));
  await Promise.all(labs.map(({ plane }) => plane.stop()));
});

test('its account may do nothing in another namespace, and what it may in its own ends there', async () => {
  const account = { namespace: first.operatorNamespace, name: 'provider-proxmox' };
  const may = (verb: string, what: string, namespace?: string) => {
    const group = what === 'secrets' ? '' : API_GROUP;
    return mayServiceAccount(first.api, account, {
      verb,
      what,
      group,
      ...(namespace !== undefined && { namespace }),
    });
  };
  const [watched = ''] = first.namespaces ?? [];
  const [other = ''] = second.namespaces ?? [];
  for (const verb of ['get', 'list', 'watch', 'patch']) {
    expect(await may(verb, 'virtualmachines', watched)).toBe(true);
    expect(await may(verb, 'virtualmachines', other)).toBe(false);
    expect(await may(verb, 'virtualmachines')).toBe(false);
  }
  for (const verb of ['get', 'list', 'create', 'update', 'delete']) {
    expect(await may(verb, 'secrets', other)).toBe(false);
    expect(await may(verb, 'secrets', watched)).toBe(verb === 'get');
    expect(await may(verb, 'secrets', first.operatorNamespace)).toBe(true);
  }
});

test('two operators in one cluster lead at once, and each makes the VMs of its namespaces only', async () => {
  const tenants = await Promise.all([tenant(first), tenant(first), tenant(second)]);
  await Promise.all(tenants.map((t) => t.apply(vm('web'))));
  await Promise.all(tenants.map((t) => t.ready('vm/web')));
  await Promise.all(tenants.map(expectOneGuestEach));
  await soon(() => expect(labs.map(({ operator }) => operator.leads)).toEqual([true, true]));
  const owners = tenants.map(
    ({ pve }) => /virtrigaud: ([^/]+)\//.exec(String(ownGuests(pve)[0]?.get('description')))?.[1],
  );
  expect(owners[0]).toBe(owners[1]);
  expect(owners[2]).not.toBe(owners[0]);

  await onSchedule(tenants[1]);
  await cloned(tenants[1]);
  await elsewhere(tenants[0]);
  await intoAnother(tenants[0]);
  await selectedByLabels(tenants[0], tenants[1]);
});

/** With the rights of the Role, VMSnapshots are created and deleted, and none with their schedule. */
async function onSchedule(t: Tenant): Promise<void> {
  const object = 'vmsnapshotschedule/nightly';
  const past = '2020-01-01T00:00:00Z';
  /** As if the operator had been down since then. What it does not know it has observed gets a pass at once. */
  const wasDown = (schedule: string) =>
    first.api.patch(`${GROUP}/namespaces/${t.namespace}/vmsnapshotschedules/nightly/status`, {
      status: { observedGeneration: null, internal: { schedule: `${schedule} UTC`, doneUntil: past } },
    });
  const snapshots = async () => (await t.list('vmsnapshots')).map(({ metadata }) => metadata.name);
  const inProxmox = () => [...guestNamed(t.pve, 'web').snapshots.keys()];

  await t.patch('vm/web', { metadata: { labels: { backup: 'yes' } } });
  const selector = { matchLabels: { backup: 'yes' } };
  await t.apply(
    manifest('VMSnapshot', 'by-hand', { vmRef: { name: 'web' } }),
    manifest('VMSnapshotSchedule', 'nightly', {
      schedule: '0 0 2 1 *',
      selector,
      retention: { keepLast: 1 },
    }),
  );
  await t.ready(object, 'vmsnapshot/by-hand');
  await wasDown('0 0 2 1 *');
  await soon(async () => expect(await snapshots()).toHaveLength(2));
  const [old = ''] = (await snapshots()).filter((name) => name !== 'by-hand');
  expect(old).toMatch(/^nightly-web-\d{4}0102-0000-/);
  await t.ready(`vmsnapshot/${old}`);

  await t.patch(object, { spec: { schedule: '0 0 3 1 *' } });
  await t.ready(object);
  await wasDown('0 0 3 1 *');
  await t.gone(`vmsnapshot/${old}`);
  const left = await snapshots();
  expect(left).toEqual(['by-hand', expect.stringMatching(/^nightly-web-\d{4}0103-0000-/)]);
  expect(inProxmox()).toHaveLength(2);

  await t.delete(object);
  expect(await snapshots()).toEqual(left);
}

/** With the rights of the Role, a VMClone creates its VirtualMachine, and in its own namespace only. */
async function cloned(t: Tenant): Promise<void> {
  const sourceVMRef = { name: 'web' };
  await t.apply(
    manifest('VMClone', 'copy', { sourceVMRef, target: { powerState: 'Off' } }),
    manifest('VMClone', 'abroad', { sourceVMRef, target: { namespace: 'elsewhere' } }),
  );
  await soon(async () => {
    const copy = await t.find('virtualmachines', 'copy');
    expect(copy).toMatchObject({ spec: { classRef: { name: 'small' }, cloneFrom: { vmRef: sourceVMRef } } });
    expect((await t.find('vmclones', 'copy'))?.status).toMatchObject({ targetUID: copy?.metadata.uid });
  });
  await soon(async () =>
    expect(condition(await t.find('vmclones', 'abroad')).is).toBe('Ready=False NamespaceNotWatched'),
  );
  await t.delete('vmclone/copy');
  expect(await t.find('virtualmachines', 'copy')).toBeDefined();
  await t.delete('vm/copy');
}

/** A namespace that no operator watches, with everything a VM needs. */
async function elsewhere(t: Tenant): Promise<void> {
  const namespace = `${first.operatorNamespace}-unwatched`;
  const plane: OperatorPlane = {
    ...first,
    newNamespace: async () => {
      await first.succeed(['create', 'namespace', namespace]);
      return namespace;
    },
  };
  const other = await tenant(plane);
  await other.apply(vm('web'));
  // By then the operators have made a VM that was applied later.
  await t.apply(vm('later'));
  await t.ready('vm/later');
  const untouched = await other.vm('web');
  expect(untouched.metadata.finalizers).toEqual([]);
  expect(untouched.status.conditions).toEqual([]);
  expect(ownGuests(other.pve)).toEqual([]);
}

async function intoAnother(t: Tenant): Promise<void> {
  const namespace = `${first.operatorNamespace}-unwatched`;
  const secretElsewhere = provider(
    t.pve,
    { credentialSecretRef: { name: 'pve-credentials', namespace } },
    'borrowing',
  );
  await t.apply(
    secretElsewhere,
    manifest('VirtualMachine', 'lost', {
      providerRef: { name: 'pve', namespace },
      classRef: { name: 'small' },
      imageRef: { name: 'ubuntu' },
    }),
  );
  await soon(async () => {
    for (const object of [await t.vm('lost'), await t.find('providers', 'borrowing')]) {
      const { is, message } = condition(object);
      expect(is).toBe('Ready=False NamespaceNotWatched');
      expect(message).toContain(`--watch-namespace ${namespace}`);
    }
  });
}

/** With Roles alone the labels of Namespaces cannot be read. */
async function selectedByLabels(owner: Tenant, t: Tenant): Promise<void> {
  const selector = { matchExpressions: [{ key: 'absent', operator: 'DoesNotExist' }] };
  await owner.apply(provider(owner.pve, { grants: [{ namespaces: { selector } }] }, 'selecting'));
  await t.apply(vm('refused', { providerRef: { name: 'selecting', namespace: owner.namespace } }));
  await soon(async () => {
    const ignored = condition(await owner.find('providers', 'selecting'), 'FieldsIgnored');
    expect(ignored.message).toContain('List the namespaces in namespaces.names');
    const { is, message } = condition(await t.vm('refused'));
    expect(is).toBe('Ready=False ReferenceNotAllowed');
    expect(message).toContain('by its name (a selector admits nobody');
  });
}
