/** The real kubectl with the plugins on its PATH, against the operator. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Finished, run } from '../../../hack/control-plane/run.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { guestNamed } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { tenant, type Tenant, vm } from './tenant.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const lab = operatorAtWork({ namespaces: 2 });
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
  return run('kubectl', [...line.split(' '), '-n', namespace], {
    env: { ...process.env, ...env, PATH: path },
  });
}

async function succeed(t: Tenant, line: string): Promise<string> {
  const { code, stdout, stderr } = await kubectl(t, line);
  if (code !== 0) throw new Error(`kubectl ${line} failed with ${code}: ${stderr}`);
  return stdout;
}

test.concurrent('a VM is listed, snapshotted and reverted', async () => {
  const t = await tenant(lab.plane);
  await t.apply(vm('web'));
  await t.ready('vm/web');
  expect(await succeed(t, 'vm list')).toMatch(/^NAME +PHASE +POWER +NODE +VMID +IP +AGE\nweb +Running +On /);
  expect(
    await succeed(
      t,
      'create vmsnapshot before-upgrade --vm=web --description=Before --include-memory=true --wait',
    ),
  ).toBe('vmsnapshot.infra.virtrigaud.io/before-upgrade created\n');
  expect([...guestNamed(t.pve, 'web').snapshots.keys()]).toEqual(['before-upgrade']);
});
