import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startupProblem } from '../../../src/cmd/check/startup.ts';
import { millis } from '../../../src/lib/units.ts';
import type { FakePve } from '../../fakepve/index.ts';
import { environmentOf, SECRET, startScene } from './scene.ts';

let pve: FakePve;
beforeAll(async () => {
  pve = await startScene();
});
afterAll(() => pve.close());

describe('the operator itself ends with exit code 1 and says why', () => {
  /** There is no Kubernetes: a run that passes the validation fails with an error about that. */
  async function run(variables: Record<string, string>) {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'src/cmd/main.ts'], {
      env: { PATH: process.env['PATH'], KUBECONFIG: '/nonexistent/kubeconfig', ...variables },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    return { code, first: stderr.split('\n')[0], stderr };
  }

  test.each<[string, Record<string, string>, string]>([
    [
      'without an endpoint',
      { PVE_ENDPOINT: '' },
      'ERROR Failed to create PVE client error="endpoint is required"',
    ],
    [
      'with an endpoint that is none',
      { PVE_ENDPOINT: 'pve.example.com' },
      'ERROR Failed to create PVE client error="invalid endpoint URL"',
    ],
    [
      'without credentials',
      { PVE_TOKEN_SECRET: '' },
      'ERROR Failed to create PVE client error="credentials are required"',
    ],
    [
      'with credentials that Proxmox VE does not accept',
      { PVE_TOKEN_SECRET: 'not-the-secret' },
      'ERROR Failed to authenticate error="authentication failed: invalid credentials"',
    ],
    [
      'when nothing listens',
      { PVE_ENDPOINT: 'https://127.0.0.1:9' },
      'ERROR Failed to connect error="connect ECONNREFUSED 127.0.0.1:9"',
    ],
    [
      'when the certificate is not trusted',
      { PVE_CA_BUNDLE: '' },
      'ERROR Failed to connect error="self-signed certificate"',
    ],
  ])('%s', async (_when, change, line) => {
    const { code, first, stderr } = await run({ ...environmentOf(pve), ...change });
    expect(first).toBe(line);
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/not-the-secret|xxxxxxxx/);
  });

  test('and continues if its variables are valid, or there are none', async () => {
    for (const variables of [environmentOf(pve), {}]) {
      const { first } = await run(variables);
      expect(first).toMatch(/^ERROR The kubeconfig could not be read/);
    }
  });
});

test('a password is tried out as well', async () => {
  const { PVE_ENDPOINT, PVE_CA_BUNDLE } = environmentOf(pve);
  const byPassword = (password: string) =>
    startupProblem({
      PVE_ENDPOINT: PVE_ENDPOINT ?? '',
      PVE_CA_BUNDLE: PVE_CA_BUNDLE ?? '',
      PVE_USERNAME: 'virtrigaud@pve',
      PVE_PASSWORD: password,
    });
  expect(await byPassword('secure-password')).toBeUndefined();
  expect((await byPassword('wrong-password'))?.[0]).toBe(
    'ERROR Failed to authenticate error="authentication failed: invalid credentials"',
  );
});

test('a token ID that can be none is reported without a word of the secret', async () => {
  const problem = await startupProblem({ ...environmentOf(pve), PVE_TOKEN_ID: 'virtrigaud' });
  expect(problem?.[0]).toMatch(
    /^ERROR Failed to create PVE client error="The token ID does not have the form user@realm!name/,
  );
  expect(problem?.join()).not.toContain(SECRET);
});

test('a server that never answers is not waited for without end', async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  for (const credentials of [{}, { PVE_TOKEN_ID: '', PVE_USERNAME: 'a@pve', PVE_PASSWORD: 'password' }]) {
    const variables = { ...environmentOf(pve), PVE_ENDPOINT: `https://127.0.0.1:${port}`, ...credentials };
    expect(await startupProblem(variables, millis(300))).toEqual([
      'ERROR Failed to connect error="no answer within 0.3 s"',
    ]);
  }
  for (const socket of sockets) socket.destroy();
  silent.close();
});
