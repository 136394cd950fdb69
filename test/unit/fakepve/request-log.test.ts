import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { withFake } from './client.ts';

test('the file holds what was read; who may not log in is turned away unread', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'fakepve-'));
  const requestsFile = join(dir, 'requests.ndjson');
  try {
    await withFake(
      { cluster: { nodes: [{ name: 'pve1' }], guests: [{ vmid: 100, node: 'pve1' }] }, requestsFile },
      async (client, fake) => {
        const clone = '/nodes/pve1/qemu/100/clone';
        expect((await client.send('POST', clone, { newid: 101 }, { authorization: '' })).status).toBe(401);
        await client.send('POST', clone, { newid: 102 });
        expect(fake.requests.map(({ status }) => status)).toEqual([401, 200]);
      },
    );
    const lines = (await readFile(requestsFile, 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { method: 'POST', path: '/nodes/pve1/qemu/100/clone', params: { newid: '102' }, pve: '9.2' },
    ]);
  } finally {
    await rm(dir, { recursive: true });
  }
});
