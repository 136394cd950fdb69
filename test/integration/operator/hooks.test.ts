/** Hooks run in the guest at the starts and before the stops that the operator makes, and prevent none of them. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, ownGuests } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { type Tenant, tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 8 });

const exec = (...command: readonly string[]) => ({ exec: { command } });

const patch = (t: Tenant, spec: object) => t.patch('vm/web', { spec });

/** Credentials that may run commands in guests, which the documented role does not include. */
function mayRunCommands() {
  const document = shippedCluster('document');
  const rights = [...(document.roles['VirtRigaud'] ?? []), 'VM.GuestAgent.Unrestricted'];
  const roles = { ...document.roles, VirtRigaud: rights };
  return { cluster: { ...document, name: `lab-${randomBytes(4).toString('hex')}`, roles } };
}

/** Its agent answers: before that, nothing can be run in the guest. */
const booted = (t: Tenant) =>
  soon(async () => expect((await t.vm('web')).status.ipAddresses).not.toEqual([]));

async function ready(lifecycle: object, options: Parameters<typeof tenant>[1] = mayRunCommands()) {
  const t = await tenant(lab.plane, options);
  await t.apply(vm('web', { lifecycle }));
  await t.ready('vm/web');
  return { t, guest: guestNamed(t.pve, 'web') };
}

const events = async (t: Tenant) => (await t.events()).map(({ reason }) => reason);

describe('postStart', () => {
  test.concurrent('runs once the agent answers, and after each start that the operator made', async () => {
    const { t, guest } = await ready({ postStart: exec('/bin/echo', 'a b', 'c') });
    expect(guest.commands).toEqual(['/bin/echo a b c']);
    expect((await t.vm('web')).status['hook']).toMatchObject({ name: 'postStart', state: 'Succeeded' });
    t.pve.outside.stop(guest.vmid);
    await soon(() => expect(guest.commands).toHaveLength(2));
    await t.ready('vm/web');
  });

  test.concurrent('that fails is reported, with nothing but its exit code', async () => {
    const { t } = await ready({ postStart: exec('false', '--password=s3cret') });
    expect((await t.vm('web')).status['hook']).toMatchObject({ state: 'Failed', exitCode: 1 });
    await soon(async () => expect(await events(t)).toContain('HookFailed'));
    expect(JSON.stringify(await t.events())).not.toContain('s3cret');
  });

  test.concurrent('that the credentials may not run is reported, and the VM is ready', async () => {
    const { t, guest } = await ready({ postStart: exec('true') }, {});
    expect(guest.commands).toEqual([]);
    expect((await t.vm('web')).status['hook']).toMatchObject({ state: 'Failed' });
  });
});

describe('preStop', () => {
  test.concurrent('runs to its end before the VM is shut down, and before it is deleted', async () => {
    const { t, guest } = await ready({ preStop: exec('sleep', '5') });
    await booted(t);
    await patch(t, { powerState: 'OffGraceful' });
    await soon(() => expect(guest.running).toBeUndefined());
    await t.ready('vm/web');
    expect(guest.commands).toEqual(['sleep 5']);
    await patch(t, { powerState: 'On' });
    await soon(() => expect(guest.running).toBeDefined());
    await booted(t);
    await t.delete('vm/web');
    expect(guest.commands).toEqual(['sleep 5', 'sleep 5']);
    expect(ownGuests(t.pve)).toEqual([]);
  });

  test.concurrent.each<[string, readonly string[]]>([
    ['does not end', ['sleep', '100000']],
    ['is not there', ['/opt/nonexistent']],
    ['fails', ['false']],
  ])('that %s does not keep the VM', async (_what, command) => {
    const { t } = await ready({ preStop: exec(...command), gracefulShutdownTimeout: '3s' });
    await booted(t);
    await t.delete('vm/web');
    expect(ownGuests(t.pve)).toEqual([]);
  });
});
