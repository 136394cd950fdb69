/** A Provider with several endpoints works on while one of them answers, and never with another cluster. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, ownGuests, startPve, type FakePve } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import {
  bareTenant,
  condition,
  provider,
  secret,
  type Tenant,
  TOKEN,
  vm,
  vmClass,
  vmImage,
} from '../operator/tenant.ts';
import { tlsFront, type TlsFront } from './tls-front.ts';

const lab = operatorAtWork({ namespaces: 2 });

const frontOf = async (pve: FakePve): Promise<TlsFront> => {
  const front = await tlsFront(pve);
  lab.plane.defer(() => front.close());
  return front;
};

const usesEndpoint = (t: Tenant, url: string) =>
  soon(async () => {
    const found = await t.find('providers', 'pve');
    expect(found?.status['endpoint']).toBe(url);
    expect(condition(found).is).toBe('Ready=True Reconciled');
  });
const isUnreachable = (t: Tenant, message: RegExp) =>
  soon(async () => {
    const ready = condition(await t.find('providers', 'pve'));
    expect(ready.is).toBe('Ready=False Unreachable');
    expect(ready.message).toMatch(message);
  });

const reaching = (...fronts: readonly [TlsFront, ...TlsFront[]]) =>
  provider(fronts[0], {
    endpoints: fronts.slice(1).map(({ url }) => url),
    tls: { fingerprints: fronts.map(({ certificate }) => certificate.fingerprint) },
  });

/** Like the demo cluster in everything but its name. */
const elsewhere = (): object => {
  const file = join(import.meta.dirname, '../../fakepve/clusters/document.yaml');
  return { ...(parse(readFileSync(file, 'utf8')) as object), name: 'elsewhere' };
};

test('VMs are made by way of whichever node can be reached', async () => {
  const t = await bareTenant(lab.plane);
  const { pve } = t;
  const [first, second] = [await frontOf(pve), await frontOf(pve)];
  await t.apply(secret('pve-credentials', TOKEN), reaching(first, second), vmClass(), vmImage(), vm('one'));
  await t.ready('vm/one');
  await usesEndpoint(t, first.url);

  await first.shut();
  await t.apply(vm('two'));
  await t.ready('vm/two');
  await usesEndpoint(t, second.url);

  await first.open();
  await t.apply(vm('three'));
  await t.ready('vm/three');
  await usesEndpoint(t, second.url);

  await second.shut();
  await t.delete('vm/one');
  await usesEndpoint(t, first.url);

  await first.shut();
  await isUnreachable(
    t,
    new RegExp(
      `${first.url}: nothing listens.*${second.url}: nothing listens|${second.url}: nothing listens.*${first.url}: nothing listens`,
    ),
  );
  await second.open();
  await usesEndpoint(t, second.url);
  await t.ready('vm/two', 'vm/three');
  expect(ownGuests(pve).map((guest) => guest.get('name'))).toEqual(['two', 'three']);
});

test('a VM is not taken for gone because another cluster answers at the next endpoint', async () => {
  const t = await bareTenant(lab.plane);
  const { pve } = t;
  const other = await startPve({ cluster: elsewhere() as never });
  lab.plane.defer(() => other.close());
  const [first, wrong] = [await frontOf(pve), await frontOf(other)];
  await t.apply(secret('pve-credentials', TOKEN), reaching(first, wrong), vmClass(), vmImage(), vm('web'));
  await t.ready('vm/web');

  await first.shut();
  await isUnreachable(t, /it belongs to another Proxmox VE cluster \(elsewhere/);
  await t.requestDeletion('vm/web');
  await t.apply(vm('late'));
  await soon(async () => expect(condition(await t.vm('late')).is).toBe('Ready=Unknown ProviderUnreachable'));
  // After a restart the process knows of the cluster only what the Provider's status records.
  await lab.restart(() => undefined);
  await isUnreachable(t, /another Proxmox VE cluster/);
  expect((await t.vm('web')).metadata.finalizers).not.toEqual([]);
  expect(new Set(other.requests.map(({ method, path }) => `${method} ${path}`))).toEqual(
    new Set(['GET /cluster/status']),
  );
  expect(guestNamed(pve, 'web').running).toBeDefined();

  await first.open();
  await t.gone('vm/web');
  await t.ready('vm/late');
  expect(ownGuests(pve).map((guest) => guest.get('name'))).toEqual(['late']);
  expect(ownGuests(other)).toEqual([]);
});
