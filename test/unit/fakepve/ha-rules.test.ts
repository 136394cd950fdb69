import { describe, expect, test } from '@jest/globals';
import { withFake } from './client.ts';
import type { Client } from './client.ts';
import type { ClusterInput } from '../../fakepve/index.ts';

const RULES = '/cluster/ha/rules';
const cluster: ClusterInput = {
  nodes: [{ name: 'a' }, { name: 'b' }],
  guests: [
    { vmid: 100, node: 'a' },
    { vmid: 101, node: 'b' },
    { vmid: 102, node: 'a' },
  ],
};
const managed = (work: (client: Client) => Promise<void>) =>
  withFake({ cluster }, async (client) => {
    for (const vmid of [100, 101])
      await client.send('POST', '/cluster/ha/resources', { sid: vmid, state: 'stopped' });
    await work(client);
  });
const made = async (client: Client, params: Readonly<Record<string, string>>) => {
  const { reason, text } = await client.send('POST', RULES, params);
  return reason === 'OK'
    ? 'OK'
    : ((JSON.parse(text) as { message: string }).message.split('\n')[1] ?? reason);
};
const apart = { rule: 'apart', type: 'resource-affinity', resources: 'vm:100,vm:101', affinity: 'negative' };

describe('a rule of HA', () => {
  test.each([
    ['of one resource only', { ...apart, resources: 'vm:100' }, /less than two resources/],
    ['of what HA does not manage', { ...apart, resources: 'vm:100,vm:102' }, /^$/],
    ['without affinity', { rule: 'x', type: 'resource-affinity', resources: 'vm:100,vm:101' }, /^$/],
  ])('%s is refused', (_what, params, why) =>
    managed(async (client) => {
      expect(await made(client, params)).toMatch(why);
      expect(await client.list(RULES)).toEqual([]);
    }),
  );

  test('that contradicts another one is refused, unless that is off', () =>
    managed(async (client) => {
      const together = { ...apart, rule: 'pair', affinity: 'positive' };
      expect(await made(client, apart)).toBe('OK');
      expect(await made(client, together)).toContain('with a negative resource affinity rule');
      await client.send('PUT', `${RULES}/apart`, { type: 'resource-affinity', disable: 1 });
      expect(await made(client, together)).toBe('OK');
    }));

  test('keeps a guest from the node of what it must be apart from', () =>
    managed(async (client) => {
      await made(client, apart);
      expect(await client.get('/nodes/a/qemu/100/migrate')).toMatchObject({
        allowed_nodes: [],
        not_allowed_nodes: {
          b: { 'blocking-ha-resources': [{ sid: 'vm:101', cause: 'resource-affinity' }] },
        },
      });
      expect(await client.run('POST', '/nodes/a/qemu/100/migrate', { target: 'b' })).toContain('ha-manager');
    }));

  test('goes with the last of its resources', () =>
    managed(async (client) => {
      await made(client, { rule: 'pin', type: 'node-affinity', resources: 'vm:100', nodes: 'a:2,b:1' });
      expect(await client.list(RULES)).toMatchObject([{ nodes: 'a:2,b:1', order: 1 }]);
      await client.send('DELETE', '/cluster/ha/resources/vm:100');
      expect(await client.list(RULES)).toEqual([]);
    }));
});
