/** The real kubectl with the plugins on its PATH, against the operator. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Finished, run } from '../../../hack/control-plane/run.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, tenant, type Tenant, vm, vmClass } from './tenant.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const lab = operatorAtWork({ namespaces: 6 });
let plugins = '';

beforeAll(async () => {
  plugins = await mkdtemp(join(tmpdir(), 'kubectl-plugins-'));
  const built = await run(process.execPath, ['hack/bundle.ts', '--outdir', plugins, 'kubectl'], {
    cwd: ROOT,
  });
  if (built.code !== 0) throw new Error(`the plugins could not be bundled: ${built.stderr}`);
});
afterAll(() => rm(plugins, { recursive: true, force: true }));

/** As a shell calls it, in the namespace of the tenant. kubectl takes no flags before the name of a plugin. */
function kubectl({ namespace }: Tenant, line: string): Promise<Finished> {
  const { env } = lab.plane;
  const path = [join(plugins, 'kubectl'), env['PATH'] ?? process.env['PATH'] ?? ''].join(':');
  const words = line.split(' ');
  const [first = '', second = '', third = '', ...rest] = words;
  const at =
    first === '__complete' ? [first, second, third, '-n', namespace, ...rest] : [...words, '-n', namespace];
  return run('kubectl', at, { env: { ...process.env, ...env, PATH: path } });
}

async function succeed(t: Tenant, line: string): Promise<string> {
  const { code, stdout, stderr } = await kubectl(t, line);
  if (code !== 0) throw new Error(`kubectl ${line} failed with ${code}: ${stderr}`);
  return stdout;
}

const VM = 'virtualmachine.infra.virtrigaud.io';

test.concurrent('a VM is listed, stopped, restarted, snapshotted, reverted, cloned and moved', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  await soon(async () =>
    expect(await succeed(t, 'vm list')).toMatch(
      /^NAME +PHASE +POWER +NODE +VMID +IP +AGE\nweb +Running +On /,
    ),
  );
  expect(await succeed(t, 'vm list -o name')).toBe(`${VM}/web\n`);
  expect(await succeed(t, 'vm stop web --wait')).toBe(`${VM}/web stopped\n`);
  expect(guestNamed(t.pve, 'web').running).toBeUndefined();
  expect(await succeed(t, 'vm start web --wait')).toBe(`${VM}/web started\n`);
  expect(await succeed(t, 'vm restart web --wait')).toBe(`${VM}/web restarted\n`);
  expect(tasksDone(t.pve, 'qmstart')).toBe(3);

  const snapshot = 'vmsnapshot.infra.virtrigaud.io/before-upgrade';
  const options = '--vm=web --description=Before --include-memory=true';
  expect(await succeed(t, `create vmsnapshot before-upgrade ${options} --wait`)).toBe(
    `${snapshot} created\n`,
  );
  expect([...guestNamed(t.pve, 'web').snapshots.keys()]).toEqual(['before-upgrade']);
  await soon(async () =>
    expect(await succeed(t, 'vm snapshots web')).toMatch(
      /\nbefore-upgrade +before-upgrade +True +true +\S+\n$/,
    ),
  );
  expect(await succeed(t, 'vm revert before-upgrade --vm=web --wait')).toBe(`${snapshot} reverted web\n`);
  expect(tasksDone(t.pve, 'qmrollback')).toBe(1);

  expect(await succeed(t, 'vm clone web copy --snapshot=before-upgrade --power-state=Off --wait')).toBe(
    'vmclone.infra.virtrigaud.io/copy created\n',
  );
  expect(guestNamed(t.pve, 'copy').running).toBeUndefined();
  const node = guestNamed(t.pve, 'copy').node === 'pve-1' ? 'pve-2' : 'pve-1';
  expect(await succeed(t, `vm migrate copy ${node} --wait`)).toBe(`${VM}/copy moved to ${node}\n`);
  expect(guestNamed(t.pve, 'copy').node).toBe(node);
});

test.concurrent('what is wrong with a VM is said, and what would be done', async () => {
  const t = await tenant(lab.plane);
  const cloudInit = { inline: '#cloud-config\nusers: [{name: ann, passwd: geheimnis-4711}]\n' };
  await t.apply(vm('web', { networks: [{ name: 'lan', bridge: 'vmbr7' }], userData: { cloudInit } }));
  await soon(async () => {
    const why = await succeed(t, 'vm why web');
    expect(why).toContain(`virtualmachine/web in ${t.namespace} is not ready: BridgeNotFound`);
    expect(why).toContain('Correct `bridge`, create the bridge on a node');
    expect(why).toContain('provider/pve in');
  });
  await t.apply(vm('web', { userData: { cloudInit } }));
  await t.ready('vm/web');
  await soon(async () =>
    expect(await succeed(t, 'vm why web')).toContain(
      `virtualmachine/web in ${t.namespace} is Ready (Running)`,
    ),
  );

  await succeed(t, 'vm plan web --hold');
  await t.apply({ ...vmClass(), spec: { cpus: 4, memory: '2Gi' } });
  await soon(async () => expect(await succeed(t, 'vm plan web')).toContain('vcpus 2 → 4'));
  await succeed(t, 'vm plan web --release');
  await soon(() => expect(guestNamed(t.pve, 'web').get('vcpus')).toBe('4'));

  await soon(async () => expect(await succeed(t, 'vm ssh web --print')).toMatch(/^ssh -l ann -- [\d.]+\n$/));
  expect(await succeed(t, 'vm console web')).toContain(t.pve.url);
  const diag = await succeed(t, 'vm diag web');
  expect(diag).toContain('Ready');
  expect(diag).not.toContain('geheimnis');

  expect((await succeed(t, 'vm adopt 4711 --provider=pve --class=small')).split('\n')).toContain(
    '    vmid: 4711',
  );
  expect(await succeed(t, '__complete vm start ')).toContain('web\n:4\n');

  const missing = await kubectl(t, 'vm start nothing');
  expect(missing).toMatchObject({
    code: 1,
    stderr: 'Error from server (NotFound): virtualmachines.infra.virtrigaud.io "nothing" not found\n',
  });
  expect(await kubectl(t, 'vm list --context=nope')).toMatchObject({
    code: 1,
    stderr: 'error: context "nope" does not exist\n',
  });
  expect(await kubectl(t, 'vm list web nope')).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^NAME .*\nweb .*\n$/),
    stderr: 'Error from server (NotFound): virtualmachines.infra.virtrigaud.io "nope" not found\n',
  });
  expect(await kubectl(t, 'vm migrate web pve-99')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('the Proxmox VE cluster of provider/pve has no node "pve-99"'),
  });
  const admin = 'vm list --as=nobody --as-group=staff --as-group=system:masters';
  expect(await succeed(t, admin)).toMatch(/^NAME .*\nweb /);
  const forbidden = await kubectl(t, 'vm list --as=nobody');
  expect(forbidden.code).toBe(1);
  expect(forbidden.stderr).toContain('Error from server (Forbidden): virtualmachines.infra.virtrigaud.io is');
});

/** The program itself, as kubectl replaces itself by it. */
function started({ namespace }: Tenant, ...words: readonly string[]): ChildProcess {
  const env = { ...process.env, ...lab.plane.env };
  return spawn(join(plugins, 'kubectl', 'kubectl-vm'), [...words, '-n', namespace], { env, stdio: 'ignore' });
}

const annotationsOf = async (t: Tenant, name: string): Promise<unknown> =>
  (await t.find('virtualmachines', name))?.metadata['annotations'];

test.concurrent.each(['SIGHUP', 'SIGINT', 'SIGTERM'] as const)(
  'a plan that ends with %s leaves the VM as it was',
  async (signal) => {
    const t = await tenant(lab.plane);
    await t.apply(vm('web', { classRef: { name: 'nothing' } }));
    await soon(async () => expect(condition(await t.vm('web')).is).toBe('Ready=False ClassNotFound'));
    const child = started(t, 'plan', 'web');
    const ended = once(child, 'exit');
    await soon(async () =>
      expect(await annotationsOf(t, 'web')).toEqual({ 'virtrigaud.io/dry-run': 'true' }),
    );
    child.kill(signal);
    child.kill(signal);
    expect(await ended).toEqual([130, null]);
    expect(await annotationsOf(t, 'web')).toBeUndefined();
  },
);

test.concurrent('a plan of a VM that cannot be planned ends with why', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web', { classRef: { name: 'nothing' } }));
  await soon(async () => expect(condition(await t.vm('web')).is).toBe('Ready=False ClassNotFound'));
  const { code, stderr } = await kubectl(t, 'vm plan web');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: virtualmachines\/web: it cannot be planned\. VMClass .*nothing not found/);
  expect(await annotationsOf(t, 'web')).toBeUndefined();
});
