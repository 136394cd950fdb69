import { afterEach, describe, expect, test } from '@jest/globals';
import { MiB, millis, nodeName, vmid } from '../../../src/lib/units.ts';
import { createTransport, pve, type Transport } from '../../../src/pve/index.ts';
import { commonRoom } from '../../../src/pve/room.ts';
import { answer, data, rawServer, TOKEN, type RawServer, type Respond } from './raw-server.ts';

const KiB = 1024;
/** What a server may send whatever others do: the part of its own, and the beginning of an answer. */
const ITS_OWN = MiB + 16 * KiB;
const UPID = 'UPID:pve1:0003A1B2:01C2D3E4:65F00000:qmstart:100:operator@pve!k8s:';

/** Sends so much of a list, and the rest never. */
const beginning =
  (size: number): Respond =>
  (_request, response) =>
    void response.write(' '.repeat(size));

describe('an answer beside those of servers that send slowly', () => {
  const opened: { readonly server: RawServer; readonly transport: Transport }[] = [];
  /** What all servers of the test have together. */
  let room = commonRoom({ total: 3 * MiB, each: 3 * MiB });

  afterEach(async () => {
    for (const { server, transport } of opened.splice(0)) {
      await server.close();
      await transport.close(millis(0));
    }
    room = commonRoom({ total: 3 * MiB, each: 3 * MiB });
  });

  async function site(...responds: Respond[]) {
    const server = await rawServer();
    server.replies(...responds);
    const transport = createTransport({ endpoint: server.url, credentials: TOKEN, room });
    opened.push({ server, transport });
    return pve(transport.send);
  }

  /** Whatever is sent before the rest has been received. */
  const until = async (isSo: () => boolean): Promise<void> => {
    for (let turn = 0; !isSo(); turn += 1) {
      if (turn > 500) throw new Error('It was not received.');
      await new Promise((resolve) => void setTimeout(resolve, 5));
    }
  };

  /** Three servers have what there is in common, and the healthy one reads a long list as well. */
  async function crowd(...responds: Respond[]) {
    const lists: Promise<unknown>[] = [];
    for (let hostile = 0; hostile < 3; hostile += 1)
      lists.push((await site(beginning(ITS_OWN + MiB))).cluster.resources().catch((error: unknown) => error));
    await until(() => room.free === 0);
    const healthy = await site(beginning(ITS_OWN - 10), ...responds);
    lists.push(healthy.cluster.resources().catch((error: unknown) => error));
    await until(() => [...room.servers].some(({ used }) => used > MiB - 100 && used <= MiB));
    return healthy.node(nodeName('pve1')).qemu(vmid(100));
  }

  test('to a POST is read', async () => {
    const guest = await crowd(data(UPID));
    await expect(guest.start()).resolves.toBe(UPID);
  });

  test('that is a failure of many words says what failed', async () => {
    const guest = await crowd(answer(500, 'no space left', 'x'.repeat(60 * KiB)));
    await expect(guest.start()).rejects.toMatchObject({ message: expect.stringContaining('no space left') });
  });

  test('of several MiB is read as well', async () => {
    for (let hostile = 0; hostile < 3; hostile += 1)
      void (await site(beginning(ITS_OWN + MiB))).cluster.resources().catch(() => undefined);
    await until(() => room.free === 0);
    const healthy = await site(answer(200, 'OK', `{"data":[${' '.repeat(1.7 * MiB)}]}`));
    await expect(healthy.cluster.resources()).resolves.toEqual([]);
  });
});
