import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // In a container whose init process does not reap children, ended processes stay listed as zombies.
    const stat = `/proc/${pid}/stat`;
    return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, 'utf8'));
  } catch {
    return false;
  }
};

/** Polls; the test's own timeout is the limit. */
async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(50);
}

describe('a control plane of one’s own', () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await startControlPlane({ controllerManager: true });
  });
  afterAll(() => plane.stop());

  test('really deletes namespaces when the controller manager runs', async () => {
    await plane.kubectl(['create', 'namespace', 'gone']);
    await plane.kubectl(['create', 'configmap', 'content', '--namespace=gone']);
    const deleted = await plane.kubectl(['delete', 'namespace', 'gone', '--timeout=180s']);
    expect(deleted).toMatchObject({ code: 0, stderr: '' });
    expect((await plane.kubectl(['get', 'namespace', 'gone'])).stderr).toContain('not found');
  });

  test('keeps its objects over a restart of the API server, and leaves nothing when it is stopped', async () => {
    const before = plane.pids();
    await plane.kubectl(['create', 'namespace', 'kept']);
    const whileDown = { code: 0 };
    await plane.restartApiServer(async () => {
      whileDown.code = (await plane.kubectl(['get', 'namespace', 'kept'])).code;
    });
    expect(whileDown.code).not.toBe(0);
    expect((await plane.kubectl(['get', 'namespace', 'kept'])).code).toBe(0);
    const after = plane.pids();
    expect(after['etcd']).toBe(before['etcd']);
    expect(after['kube-apiserver']).not.toBe(before['kube-apiserver']);

    await plane.stop();
    expect(Object.values({ ...before, ...after }).filter(alive)).toEqual([]);
    expect(existsSync(plane.dir)).toBe(false);
  });

  test('ends with the program that started it, even when that is killed', async () => {
    const module = join(import.meta.dirname, '../../../hack/control-plane/index.ts');
    const program = `
      import { startControlPlane } from ${JSON.stringify(module)};
      const plane = await startControlPlane();
      console.log(JSON.stringify({ pids: Object.values(plane.pids()), dir: plane.dir }));
      setInterval(() => undefined, 1000);`;
    const { NODE_OPTIONS: _, ...env } = process.env;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { pids, dir } = JSON.parse(line) as { pids: number[]; dir: string };
    expect(pids.filter(alive)).toEqual(pids);

    child.kill('SIGKILL');
    await eventually(() => !pids.some(alive) && !existsSync(dir));
  });
});
