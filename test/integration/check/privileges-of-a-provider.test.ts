import { afterEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import {
  createConnectionPool,
  createForceDeleted,
  createPrivilegeWatch,
  providerController,
} from '../../../controllers/index.ts';
import { seconds } from '../../../src/lib/units.ts';
import type { FakePve } from '../../fakepve/index.ts';
import { aProvider, readerOf } from '../../builders/objects.ts';
import { demoCluster, environmentOf, runOnNode, startScene, TOKEN, USER } from './scene.ts';
import { NO_NAMESPACES } from '../../../controllers/shared/grants/namespaces.ts';

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

/** A Provider whose settings come from the environment, and its passes at any time. */
async function scene(without: readonly string[]) {
  const roles = { VirtRigaud: demoCluster().roles!['VirtRigaud']!.filter((name) => !without.includes(name)) };
  const pve = await startScene({ roles });
  undo.push(() => pve.close());
  let now = Date.now();
  const pool = createConnectionPool({
    claimedIn: () => new Set(),
    claimedThrough: () => new Set(),
    onRequest: () => undefined,
    onGuestsChanged: () => undefined,
    onConnectionChanged: () => undefined,
    onConnected: () => undefined,
    onSlotFree: () => undefined,
    now: () => now,
    inventoryInterval: seconds(3600),
  });
  undo.push(() => pool.closeAll());
  const controller = providerController({
    pool,
    privileges: createPrivilegeWatch(() => now),
    usersOf: () => [],
    images: readerOf(),
    classes: readerOf(),
    namespaces: NO_NAMESPACES,
    claimedIn: () => new Set(),
    forceDeleted: createForceDeleted(Date.now),
    deletionLog: { recent: () => [] },
    copies: { keep: () => Promise.resolve() },
    readSecret: () => Promise.resolve(undefined),
    readConfigMap: () => Promise.resolve(undefined),
    process: environmentOf(pve),
  });
  const { spec: _spec, ...object } = aProvider();
  const provider = { ...object, spec: { type: 'proxmox' as const } };
  const reconcile = () =>
    controller.reconcile(provider, {
      now: new Date(now),
      signal: new AbortController().signal,
      log: pino({ enabled: false }),
      deleting: false,
      reasons: new Set(['edit'] as const),
      reread: () => Promise.resolve(provider),
    });
  return { pve, pool, reconcile, provider, wait: (duration: number) => void (now += duration) };
}

const asked = (pve: FakePve): number =>
  pve.requests.filter(({ path }) => path === '/access/permissions').length;

test('a Provider whose credentials suffice reports nothing about privileges', async () => {
  const { reconcile } = await scene([]);
  const { outcome, status, conditions } = await reconcile();
  expect(outcome.kind).toBe('settled');
  expect(status.missingPrivileges).toBeUndefined();
  expect(conditions).toEqual([]);
});

test('a Provider that may not see any VM is not ready and says how to fix that; its VMs have a connection', async () => {
  const { pve, pool, reconcile, provider, wait } = await scene(['VM.Audit']);
  const { outcome, status } = await reconcile();
  expect(outcome).toMatchObject({
    kind: 'stalled',
    reason: 'MissingPrivileges',
    message:
      'The credentials do not have these privileges anywhere: VM.Audit on /vms. VMs are managed as far as Proxmox VE allows. On a node: ' +
      `pveum role add VirtRigaud ; pveum role modify VirtRigaud --append 1 --privs 'VM.Audit' ; pveum acl modify / --users '${USER}' --roles VirtRigaud ; pveum acl modify / --tokens '${TOKEN}' --roles VirtRigaud`,
  });
  expect(status).toMatchObject({ healthy: true, missingPrivileges: ['VM.Audit on /vms'] });
  expect(pool.get(provider.metadata.namespace, provider.metadata.name)).toBeDefined();

  const commands = 'message' in outcome ? (outcome.message.split('On a node: ')[1] ?? '').split(' ; ') : [];
  runOnNode(pve, commands);
  wait(seconds(45));
  const healed = await reconcile();
  expect(healed.outcome.kind).toBe('settled');
  expect(healed.status.missingPrivileges).toBeUndefined();
});

test('a Provider that lacks what single features need is ready and names them', async () => {
  const { reconcile } = await scene(['VM.GuestAgent.Audit', 'Datastore.AllocateTemplate']);
  const { outcome, status, conditions } = await reconcile();
  expect(outcome.kind).toBe('settled');
  expect(status.missingPrivileges).toEqual([
    'Datastore.AllocateTemplate on /storage',
    'VM.GuestAgent.Audit on /vms',
  ]);
  expect(conditions).toMatchObject([
    { type: 'MissingPrivileges', status: 'True', reason: 'FeaturesLimited' },
  ]);
});

test('a role on a single pool suffices', async () => {
  const { pve, reconcile } = await scene(['VM.Audit']);
  const grant = { path: '/pool/k8s', role: 'PVEVMAdmin', propagate: true } as const;
  pve.state.access.grant({ ...grant, kind: 'user', subject: USER });
  pve.state.access.grant({ ...grant, kind: 'token', subject: TOKEN });
  expect((await reconcile()).outcome.kind).toBe('settled');
});

test('privileges are asked for once in five minutes', async () => {
  const { pve, reconcile, wait } = await scene([]);
  for (let pass = 0; pass < 40; pass += 1) {
    await reconcile();
    wait(seconds(15));
  }
  expect(asked(pve)).toBe(2);
});

test('a Provider whose token expires soon says when, once a day, if the credentials may read it', async () => {
  const expiring = async (without: readonly string[]) => {
    const { pve, reconcile, wait } = await scene(without);
    pve.state.access.tokens.get(TOKEN)!.expire = Math.floor(Date.now() / 1000) + 3 * 86_400;
    const events = [...((await reconcile()).events ?? [])];
    wait(seconds(600));
    events.push(...((await reconcile()).events ?? []));
    return events.filter(({ reason }) => reason === 'CredentialsExpire').map(({ message }) => message);
  };
  expect(await expiring([])).toEqual([
    expect.stringMatching(/^The API token virtrigaud@pve!vrtg-token expires at .*--expire 0/),
  ]);
  expect(await expiring(['Sys.Audit'])).toEqual([]);
});
