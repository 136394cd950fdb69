/** What a VirtualMachine or a Provider lacks is named in its Ready condition, and reconciliation resumes once it exists. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, ownGuests, seedFiles } from '../harness/pve.ts';
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
} from './tenant.ts';

/** 32 bytes of nothing in particular. */
const KEY = Buffer.concat([
  Buffer.from([0, 0, 0, 11]),
  Buffer.from('ssh-ed25519'),
  Buffer.from([0, 0, 0, 32]),
  Buffer.alloc(32, 7),
]).toString('base64');

const lab = operatorAtWork({ namespaces: 12 });

const says = (t: Tenant, name: string, is: string, ...words: readonly string[]) =>
  soon(async () => {
    const ready = condition(await t.vm(name));
    expect(ready.is).toBe(is);
    for (const word of words) expect(ready.message).toContain(word);
  });
const providerSays = (t: Tenant, is: string, message: RegExp) =>
  soon(async () => {
    const ready = condition(await t.find('providers', 'pve'));
    expect(ready.is).toBe(is);
    expect(ready.message).toMatch(message);
  });

describe('a VirtualMachine', () => {
  test.concurrent(
    'that names objects of another namespace learns nothing of them, and does not keep them',
    async () => {
      const [owner, stranger] = await Promise.all([tenant(lab.plane), bareTenant(lab.plane)]);
      const { namespace } = owner;
      const through = (name: string, ref: string) => vm(name, { providerRef: { name: ref, namespace } });
      await owner.ready('provider/pve');
      await stranger.apply(vmClass(), through('exists', 'pve'), through('missing', 'none'));
      await stranger.apply(
        provider(owner.pve, { credentialSecretRef: { name: 'pve-credentials', namespace } }),
        vm('holds', { classRef: { name: 'small', namespace }, imageRef: { name: 'ubuntu', namespace } }),
      );
      await says(stranger, 'exists', 'Ready=False ReferenceNotAllowed', `Provider ${namespace}/pve`);
      await says(stranger, 'missing', 'Ready=False ReferenceNotAllowed', `Provider ${namespace}/none`);
      const [exists, missing] = [await stranger.vm('exists'), await stranger.vm('missing')].map(
        (object) => condition(object).message,
      );
      expect(exists?.replace('/pve', '')).toBe(missing?.replace('/none', ''));
      await providerSays(stranger, 'Ready=False ReferenceNotAllowed', /does not exist, or may not be used/);
      await Promise.all(
        ['provider/pve', 'vmclass/small', 'vmimage/ubuntu'].map((each) => owner.delete(each)),
      );
      expect(await owner.find('providers', 'pve')).toBeUndefined();
    },
  );

  test.concurrent(
    'names the class, the image or the Provider that is missing, and runs once it appears',
    async () => {
      const t = await tenant(lab.plane);
      await t.apply(
        vm('no-class', { classRef: { name: 'later' } }),
        vm('no-image', { imageRef: { name: 'later' } }),
        vm('no-provider', { providerRef: { name: 'later' } }),
        vm('no-template', { imageRef: { name: 'nowhere' } }),
        { ...vmImage('nowhere'), spec: { source: 'no-such-template' } },
      );
      await says(t, 'no-class', 'Ready=False ClassNotFound', '/later', t.namespace);
      await says(t, 'no-image', 'Ready=False ImageNotFound', '/later', t.namespace);
      await says(t, 'no-provider', 'Ready=False ProviderNotFound', '/later', t.namespace);
      await says(t, 'no-template', 'Ready=False TemplateNotFound', 'no-such-template');
      expect(ownGuests(t.pve)).toEqual([]);
      await t.apply(vmClass('later'), vmImage('later'), provider(t.pve, {}, 'later'), vmImage('nowhere'));
      await t.ready('vm/no-class', 'vm/no-image', 'vm/no-provider', 'vm/no-template');
      expect(ownGuests(t.pve)).toHaveLength(4);
    },
  );

  test.concurrent(
    'names the Secret with its user-data, or the key it lacks, and runs once it is there',
    async () => {
      const t = await tenant(lab.plane);
      await t.apply(
        vm('web', { userData: { cloudInit: { secretRef: { name: 'web-data' } } } }),
        vm('keys', { sshKeysSecretRef: { name: 'web-keys', key: 'mine' } }),
        secret('web-keys', { other: 'ssh-ed25519 AAAA' }),
      );
      await says(t, 'web', 'Ready=False SecretNotFound', '/web-data');
      await says(t, 'keys', 'Ready=False SecretKeyNotFound', 'web-keys', '"mine"');
      await t.apply(
        secret('web-data', { userdata: '#cloud-config\nruncmd: [hush-hush]\n' }),
        secret('web-keys', { mine: `ssh-ed25519 ${KEY} me@home` }),
      );
      await t.ready('vm/web', 'vm/keys');
      expect(seedFiles(t.pve, guestNamed(t.pve, 'web'))['user-data']).toContain('hush-hush');
      expect(decodeURIComponent(guestNamed(t.pve, 'keys').get('sshkeys') ?? '')).toContain('me@home');
      expect(JSON.stringify(await t.list('virtualmachines'))).not.toContain('hush-hush');
    },
  );

  test.concurrent(
    'that never made anything is deleted at once, though its Provider does not exist',
    async () => {
      const t = await tenant(lab.plane);
      await t.apply(vm('web', { providerRef: { name: 'never' } }));
      await says(t, 'web', 'Ready=False ProviderNotFound', '/never');
      await t.delete('vm/web');
      expect(await t.find('virtualmachines', 'web')).toBeUndefined();
    },
  );
});

describe('a Provider', () => {
  test.concurrent(
    'names the Secret that is missing, as do its VMs, and connects once it appears',
    async () => {
      const t = await bareTenant(lab.plane);
      const { pve } = t;
      await t.apply(provider(pve), vmClass(), vmImage(), vm('web'));
      await providerSays(t, 'Ready=False SecretNotFound', /\/pve-credentials not found/);
      await says(t, 'web', 'Ready=False ProviderNotReady', 'pve', '/pve-credentials');
      await t.apply(credentials(pve));
      await t.ready('provider/pve', 'vm/web');
      expect(ownGuests(pve)).toHaveLength(1);
    },
  );

  test.concurrent(
    'whose token is refused reports that, without the token, and connects with the right one',
    async () => {
      const t = await bareTenant(lab.plane);
      const { pve } = t;
      const wrong = { ...TOKEN, token_secret: '11111111-2222-3333-4444-555555555555', 'ca.crt': pve.ca };
      await t.apply(secret('pve-credentials', wrong), provider(pve));
      await providerSays(t, 'Ready=False AuthenticationFailed', /authentication failed/);
      expect(JSON.stringify(await t.find('providers', 'pve'))).not.toContain(wrong.token_secret);
      await t.apply(credentials(pve));
      await t.ready('provider/pve');
    },
  );

  test.concurrent(
    'whose certificate is not trusted says what to do, and connects with the right CA',
    async () => {
      const [t, another] = await Promise.all([bareTenant(lab.plane), bareTenant(lab.plane)]);
      await t.apply(secret('pve-credentials', { ...TOKEN, 'ca.crt': another.pve.ca }), provider(t.pve));
      await providerSays(t, 'Ready=False Unreachable', /certificate is not signed by a trusted CA/);
      await t.apply(credentials(t.pve));
      await t.ready('provider/pve');
    },
  );

  test.concurrent(
    'whose Proxmox VE is down at the start connects when it is up, and its VMs are made',
    async () => {
      const port = await freePort();
      const t = await bareTenant(lab.plane);
      await t.apply(
        credentials(t.pve),
        provider({ url: `https://127.0.0.1:${port}` }),
        vmClass(),
        vmImage(),
        vm('web'),
      );
      await providerSays(t, 'Ready=False Unreachable', /failed to connect/);
      await says(t, 'web', 'Ready=False ProviderNotReady', 'failed to connect');
      const { pve } = await bareTenant(lab.plane, { port });
      await t.apply(credentials(pve));
      await t.ready('provider/pve', 'vm/web');
      expect(ownGuests(pve)).toHaveLength(1);
    },
  );

  test.concurrent(
    'whose Proxmox VE fails later is unhealthy for that time, and no VM is touched',
    async () => {
      const t = await tenant(lab.plane);
      await t.apply(vm('web'));
      await t.ready('vm/web', 'provider/pve');
      t.pve.faults.add({ kind: 'status', path: '^/cluster/', code: 596, reason: 'Connection timed out' });
      await providerSays(t, 'Ready=False Unreachable', /596/);
      expect((await t.find('providers', 'pve'))?.status['healthy']).toBe(false);
      t.pve.faults.clear();
      await t.ready('provider/pve');
      await t.ready('vm/web');
      expect(ownGuests(t.pve)).toHaveLength(1);
      expect(guestNamed(t.pve, 'web').running).toBeDefined();
    },
  );
});

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => done(port));
    });
  });
}
