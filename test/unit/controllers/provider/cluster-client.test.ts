import { expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { openClient } from '../../../../controllers/provider/cluster-client.ts';
import { millis } from '../../../../src/lib/units.ts';
import { answer, data, rawServer, TOKEN } from '../../pve/raw-server.ts';

test('a server that answers again after an outage is announced, so that passes that ended may go on', async () => {
  const server = await rawServer();
  const said: string[] = [];
  server.replies(data([]));
  const client = openClient(
    {
      origin: server.url,
      otherOrigins: [],
      credentials: TOKEN,
      ca: undefined,
      fingerprints: [],
      insecureSkipVerify: false,
      nodeSelector: [],
    },
    {
      key: 'k',
      pinned: undefined,
      claimed: () => new Set(),
      onRequest: () => undefined,
      onGuestsChanged: () => undefined,
      onChanged: () => said.push('changed'),
      onAnsweringAgain: () => said.push('answers again'),
      now: Date.now,
      inventoryInterval: millis(5),
    },
  );
  const until = async (count: number): Promise<void> => {
    while (said.length < count) await sleep(2);
  };
  await until(1);
  server.replies(answer(400, 'no'));
  await until(2);
  expect(client.inventory.view()?.staleSince).toBeDefined();
  server.replies(data([]));
  await until(4);
  expect(said).toEqual(['changed', 'changed', 'changed', 'answers again']);
  await client.close();
  await server.close();
});
