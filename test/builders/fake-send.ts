/** The fake Proxmox VE behind the client's `Send`: everything of it but its sockets, with a clock that tests move. */
import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { PveError, type Send } from '../../src/pve/index.ts';
import type { Params } from '../../src/pve/endpoint.ts';
import { toError, toResult } from '../../src/pve/reply.ts';
import { shownPath, toRequest } from '../../src/pve/request.ts';
import { buildWorld } from '../fakepve/build-world.ts';
import { ManualClock } from '../fakepve/clock.ts';
import { parseCluster, type ClusterInput } from '../fakepve/cluster-file.ts';
import { answer } from '../fakepve/exchange.ts';
import { readLatency, type LatencyInput } from '../fakepve/latency.ts';
import { OutsideWorld } from '../fakepve/outside-world.ts';
import { route } from '../fakepve/router.ts';
import { NEWEST } from '../fakepve/schema/versions.ts';
import type { World } from '../fakepve/world.ts';

export interface InProcessPve {
  readonly world: World;
  readonly clock: ManualClock;
  readonly outside: OutsideWorld;
  /** Method and path of every request, in order. */
  readonly requests: string[];
  /** As the operator. */
  readonly send: Send;
  /** As somebody else, for example in the web interface. */
  readonly others: Send;
}

/** @param start epoch ms */
export function inProcessPve(cluster: ClusterInput, start: number, latency?: LatencyInput): InProcessPve {
  const clock = new ManualClock(start);
  const world = buildWorld(parseCluster(cluster), {
    clock,
    latency: readLatency(latency),
    seed: 'in-process',
    pve: NEWEST,
    fingerprint: '',
  });
  const requests: string[] = [];
  const [own, other] = [...world.access.tokens.values()].map(
    ({ id, secret }) => `PVEAPIToken=${id}=${secret}`,
  );

  const as =
    (authorization: string | undefined): Send =>
    async (endpoint, params) => {
      const { method, target, headers, body: form } = toRequest(endpoint, params as Params, undefined);
      const body = typeof form === 'string' ? form : null;
      const [path = '', query = ''] = target.slice('/api2/json'.length).split('?');
      requests.push(`${method} ${path}`);
      const length = String(Buffer.byteLength(body ?? ''));
      const request = Object.assign(Readable.from(body === null ? [] : [Buffer.from(body)]), {
        headers: { ...headers, authorization, 'content-length': length },
      }) as unknown as IncomingMessage;
      const found = route(method, path);
      const faults = world.faults.apply(method, path);
      const reply = await answer({
        world,
        request,
        method,
        path,
        query,
        found,
        faults,
        sent: undefined,
      });
      const call = {
        method,
        route: endpoint.path,
        path: shownPath(endpoint.path, params as Params),
        harmless: method === 'GET',
        redact: (text: string) => text,
      };
      const received = { status: reply.status, reason: reply.reason, body: Buffer.from(reply.body) };
      if (reply.status !== 200) throw toError(call, received);
      return toResult(endpoint, call, received);
    };
  return {
    ...{ world, clock, requests },
    outside: new OutsideWorld(() => world),
    send: as(own),
    others: as(other ?? own),
  };
}

/** A request whose answer never arrives. */
export const unanswered = (method: PveError['method'], path: string): PveError =>
  new PveError({
    refusal: method === 'GET' ? 'unavailable' : 'unknownOutcome',
    method,
    route: path,
    code: 'ECONNRESET',
    message: 'Proxmox VE gave no answer.',
  });
