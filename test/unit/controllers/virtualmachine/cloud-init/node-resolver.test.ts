import { describe, expect, test } from '@jest/globals';
import type { Connection } from '../../../../../controllers/shared/cluster/connections.ts';
import { createResolverReader } from '../../../../../controllers/virtualmachine/cloud-init/node-resolver.ts';
import { PveError, type Pve } from '../../../../../src/pve/index.ts';
import { aGuest, NOW } from '../../../../builders/guests.ts';

/** Answers in turn: a text, or an error with this refusal. */
function given(...answers: readonly string[]) {
  let now = NOW;
  let asked = 0;
  const cloudInitNetwork = () => {
    const answer = answers[asked] ?? '';
    asked += 1;
    if (answer !== 'forbidden' && answer !== 'unavailable') return Promise.resolve(answer);
    const facts = { method: 'GET', route: '/x', code: '403', message: answer } as const;
    return Promise.reject(new PveError({ ...facts, refusal: answer }));
  };
  const pve = { node: () => ({ qemu: () => ({ cloudInitNetwork }) }) } as unknown as Pve;
  const read = createResolverReader(() => now);
  return {
    read: () => read({ pve } as unknown as Connection, aGuest(), {}),
    after: (seconds: number) => (now += seconds * 1000),
    asked: () => asked,
  };
}
const withServer = (server: string): string =>
  `version: 1\nconfig:\n- type: nameserver\n  address:\n  - '${server}'\n`;

describe('the resolver of a node', () => {
  test('is asked for again after a while', async () => {
    const { read, after, asked } = given(withServer('192.0.2.53'), withServer('192.0.2.54'));
    expect([await read(), await read()].map(({ dns }) => dns)).toEqual([['192.0.2.53'], ['192.0.2.53']]);
    after(30);
    expect((await read()).dns).toEqual(['192.0.2.54']);
    expect(asked()).toBe(2);
  });

  test('is nothing where the credentials may not read it, until they may', async () => {
    const { read } = given('forbidden', withServer('192.0.2.53'));
    expect(await read()).toEqual({ dns: [], search: [] });
    expect((await read()).dns).toEqual(['192.0.2.53']);
  });

  test('is not taken for nothing where Proxmox VE does not answer', async () => {
    await expect(given('unavailable').read()).rejects.toThrow('unavailable');
  });
});
