/** A VM with a readiness probe is Ready when a command in its guest succeeds, and is otherwise reconciled as one without. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, type Tenant, tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 5 });

/** Credentials that may run commands in guests, which the documented role does not include. */
function mayRunCommands() {
  const document = shippedCluster('document');
  const rights = [...(document.roles['VirtRigaud'] ?? []), 'VM.GuestAgent.Unrestricted'];
  const roles = { ...document.roles, VirtRigaud: rights };
  return { cluster: { ...document, name: `lab-${randomBytes(4).toString('hex')}`, roles } };
}

const probed = (...command: readonly string[]) =>
  vm('web', { lifecycle: { readinessProbe: { exec: { command }, period: '2s', failureThreshold: 2 } } });

const says = (t: Tenant, message: string) =>
  soon(async () => {
    const object = await t.vm('web');
    expect(condition(object)).toEqual({ is: 'Ready=False NotReady', message });
    expect(object.status.phase).toBe('Running');
  });

test.concurrent('a VM is Ready while its probe succeeds', async () => {
  const t = await tenant(lab.plane, mayRunCommands());
  await t.apply(probed('test', '-f', '/ready'));
  await says(t, 'The readiness probe ended with exit code 1.');
  const guest = guestNamed(t.pve, 'web');
  expect(condition(await t.vm('web'), 'Synced').is).toBe('Synced=True InSync');
  guest.running?.files.set('/ready', '');
  await t.ready('vm/web');
  guest.running?.files.delete('/ready');
  await says(t, 'The readiness probe ended with exit code 1.');
  const { since } = guest.running ?? {};
  await t.patch('vm/web', { spec: { description: 'not ready' } });
  await soon(() => expect(guest.get('description')).toMatch(/^not ready\n/));
  expect(guest.running?.since).toBe(since);
  await t.patch('vm/web', { spec: { lifecycle: null } });
  await t.ready('vm/web');
});

test.concurrent('a request is made by the guest to itself', async () => {
  const t = await tenant(lab.plane, mayRunCommands());
  const readinessProbe = { httpGet: { port: 8443, path: '/healthz?full=1', scheme: 'HTTPS' } };
  const preStop = { httpGet: { port: 8080 } };
  await t.apply(vm('web', { lifecycle: { readinessProbe, preStop } }));
  await t.ready('vm/web');
  const { commands } = guestNamed(t.pve, 'web');
  expect(commands[0]).toMatch(/^curl --fail .* https:\/\/localhost:8443\/healthz\?full=1$/);
  await t.delete('vm/web');
  expect(commands.at(-1)).toMatch(/^curl .* http:\/\/localhost:8080\/$/);
});

test.concurrent('a probe that cannot be run says what is missing', async () => {
  const t = await tenant(lab.plane);
  await t.apply(probed('true'));
  await says(
    t,
    'The readiness probe requires the privilege VM.GuestAgent.Unrestricted on the VM (VM.Monitor before Proxmox VE 9), which the credentials lack. Grant it.',
  );
  await t.delete('vm/web');
});

test.concurrent('no command is run in a guest to which nothing may be done', async () => {
  const t = await tenant(lab.plane, mayRunCommands());
  await t.apply(probed('true'));
  await t.ready('vm/web');
  await t.annotate('vm/web', { 'virtrigaud.io/dry-run': 'true' });
  await soon(async () => expect((await t.vm('web')).status).toHaveProperty('plan'));
  const { commands } = guestNamed(t.pve, 'web');
  const known = commands.length;
  await sleep(4_000);
  expect(commands.length).toBe(known);
});

test('a new operator takes a VM that was Ready for ready until a probe says otherwise', async () => {
  const t = await tenant(lab.plane, mayRunCommands());
  await t.apply(probed('true'));
  await t.ready('vm/web');
  const since = () =>
    t.kubectl(
      'get',
      'vm',
      'web',
      '-o',
      'jsonpath={.status.conditions[?(@.type=="Ready")].lastTransitionTime}',
    );
  const before = await since();
  const { commands } = guestNamed(t.pve, 'web');
  const known = await lab.restart(() => commands.length);
  await soon(() => expect(commands.length).toBeGreaterThan(known + 1));
  expect(await since()).toBe(before);
});
