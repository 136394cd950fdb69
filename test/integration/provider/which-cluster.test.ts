/** A Provider knows its cluster again: another one behind its endpoint is noticed, and several Providers may share one. */
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, ownGuests, startPve, type FakePve } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import {
  bareTenant,
  condition,
  credentials,
  provider,
  secret,
  tenant,
  type Tenant,
  TOKEN,
  vm,
  vmClass,
  vmImage,
} from '../operator/tenant.ts';

const lab = operatorAtWork({ namespaces: 6 });

/** One node without a cluster, named as the installer suggests. */
function standalone(ip: string) {
  const { name: _name, nodes, guests, ...rest } = shippedCluster('document');
  const onFirst = guests.filter(({ node }) => node === nodes[0]?.name);
  return {
    ...rest,
    nodes: [{ name: 'pve', ip }],
    guests: onFirst.map((guest) => ({ ...guest, node: 'pve' })),
  };
}

const startOther = async (cluster: object): Promise<FakePve> => {
  const other = await startPve({ cluster: cluster as never });
  lab.plane.defer(() => other.close());
  return other;
};

/** Points the Provider to a server, without verification of its certificate. */
const pointTo = ({ apply }: Tenant, { url }: FakePve) =>
  apply(provider({ url }, { insecureSkipVerify: true }));

async function isNoticed(t: Tenant, other: FakePve): Promise<void> {
  const { pve } = t;
  await t.apply(vmClass(), vmImage(), vm('web'));
  await pointTo(t, pve);
  await t.ready('provider/pve', 'vm/web');

  await pointTo(t, other);
  await soon(async () => {
    const { is, message } = condition(await t.find('providers', 'pve'));
    expect(is).toBe('Ready=False ClusterChanged');
    expect(message).toContain('none is released');
  });
  await t.requestDeletion('vm/web');
  await soon(async () =>
    expect(condition(await t.vm('web'), 'Reconciling').is).toBe('Reconciling=True ProviderNotReady'),
  );
  expect((await t.vm('web')).metadata.finalizers).not.toEqual([]);
  expect(other.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  expect(guestNamed(pve, 'web').running).toBeDefined();

  await pointTo(t, pve);
  await t.gone('vm/web');
  expect(ownGuests(pve)).toEqual([]);
}

test.concurrent('another cluster behind the endpoint is noticed, and no VM is released', async () => {
  const t = await bareTenant(lab.plane);
  await t.apply(secret('pve-credentials', TOKEN));
  await isNoticed(t, await startOther({ ...shippedCluster('document'), name: 'elsewhere' }));
});

test.concurrent('so is another single node of the same name', async () => {
  const t = await bareTenant(lab.plane, { cluster: standalone('192.0.2.10') as never });
  await t.apply(secret('pve-credentials', TOKEN));
  await isNoticed(t, await startOther(standalone('192.0.2.77')));
});

test.concurrent('a single node that moved is accepted as the same once its owner confirms it', async () => {
  const t = await bareTenant(lab.plane, { cluster: standalone('192.0.2.10') as never });
  await t.apply(secret('pve-credentials', TOKEN));
  await pointTo(t, t.pve);
  await t.ready('provider/pve');
  await pointTo(t, await startOther(standalone('192.0.2.77')));
  const message = await soon(async () => {
    const { is, message } = condition(await t.find('providers', 'pve'));
    expect(is).toBe('Ready=False ClusterChanged');
    return message;
  });
  const [, patch = ''] = /--type=json -p '(.*)'$/.exec(message) ?? [];
  await t.patchStatus('provider/pve', z.array(z.looseObject({})).parse(JSON.parse(patch)));
  await t.ready('provider/pve');
});

test.concurrent('two Providers on one cluster never give two VMs one VMID', async () => {
  const t = await tenant(lab.plane);
  const { pve } = t;
  const user = { username: 'virtrigaud@pve', password: 'secure-password', 'ca.crt': pve.ca };
  await t.apply(
    secret('by-password', user),
    provider(pve, { credentialSecretRef: { name: 'by-password' } }, 'other'),
  );
  await t.ready('provider/pve', 'provider/other');
  const names = Array.from({ length: 8 }, (_, n) => `vm-${n}`);
  await t.apply(...names.map((name, n) => vm(name, n % 2 === 0 ? {} : { providerRef: { name: 'other' } })));
  await t.ready(...names.map((name) => `vm/${name}`));
  expect(new Set(ownGuests(pve).map((guest) => guest.get('name')))).toEqual(new Set(names));
  const refused = pve.requests.filter(({ path, status }) => path.endsWith('/clone') && status !== 200);
  expect(refused).toEqual([]);
});

test.concurrent('two single nodes of the same name share no VMIDs', async () => {
  const t = await bareTenant(lab.plane, { cluster: standalone('192.0.2.10') as never });
  const other = await startOther(standalone('192.0.2.77'));
  const one = { insecureSkipVerify: true, defaults: { vmIdRange: { start: 500, end: 500 } } };
  await t.apply(
    secret('pve-credentials', TOKEN),
    vmClass(),
    vmImage(),
    provider(t.pve, one),
    provider(other, one, 'other'),
  );
  await t.ready('provider/pve', 'provider/other');
  await t.apply(vm('web'), vm('db', { providerRef: { name: 'other' } }));
  await t.ready('vm/web', 'vm/db');
  expect((await t.vm('web')).status.vmid).toBe(500);
  expect((await t.vm('db')).status.vmid).toBe(500);
});

test.concurrent('events report the changes of a connection', async () => {
  const t = await bareTenant(lab.plane);
  const { pve } = t;
  const story = async () => (await t.events()).map(({ reason, note }) => `${reason}: ${note}`);
  await t.apply(provider(pve));
  await soon(async () =>
    expect(await story()).toContainEqual(expect.stringMatching(/^SecretNotFound: Secret .* not found\./)),
  );
  await t.apply(credentials(pve));
  await t.ready('provider/pve');
  await soon(async () =>
    expect(await story()).toContainEqual(
      expect.stringMatching(
        new RegExp(
          `^Connected: Proxmox VE 9\\.[\\d.]+ answers \\S+ at ${pve.url}: cluster ${t.namespace} with 3 nodes\\.$`,
        ),
      ),
    ),
  );
});
