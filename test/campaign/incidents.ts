/**
 * What happens besides changes of specs, with `--incidents`: the operator is killed or stopped, the API server restarts,
 * Proxmox VE has faults, and somebody changes guests in Proxmox VE. Each ends before the world is judged.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import { ended, type Cast } from '../../hack/demo/cast.ts';
import type { Random } from '../fakepve/random.ts';
import { ownerOf, type Guest } from './world.ts';

export interface Incidents {
  /** Lets one happen, and says what it was. */
  readonly happen: (random: Random, guests: readonly Guest[]) => Promise<string>;
  /** Ends all faults. */
  readonly end: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const CHANGE = 'POST|PUT|DELETE';

/** As the operator's requests meet them: the path is a regular expression, a number says how often. */
const FAULTS: readonly Readonly<Record<string, unknown>>[] = [
  { kind: 'status', code: 500, reason: 'got timeout', times: 5 },
  { kind: 'status', code: 596, reason: 'Broken pipe', times: 3 },
  { kind: 'status', code: 401, reason: 'authentication failure', times: 2 },
  { kind: 'status', code: 503, reason: 'Service Unavailable', path: '^/cluster/resources', times: 3 },
  { kind: 'delay', ms: 3000, times: 10 },
  { kind: 'reset-before', times: 3 },
  ...CHANGE.split('|').flatMap((method) => [
    { kind: 'reset-after-effect', method, times: 1 },
    { kind: 'status-after-effect', method, code: 596, reason: 'Connection timed out', times: 1 },
    { kind: 'empty', method, times: 1 },
    { kind: 'taskFail', method, exitstatus: 'unexpected failure', times: 1 },
    { kind: 'taskFail', method, exitstatus: 'failed after its work', late: true, times: 1 },
    { kind: 'taskWarn', method, times: 1 },
  ]),
  { kind: 'nodeOffline', node: 'pve-2' },
  { kind: 'nodeOffline', node: 'pve-3' },
  { kind: 'noQuorum' },
  { kind: 'storageFull', storage: 'nvme-storage' },
  { kind: 'storageFull', storage: 'cephfs' },
  { kind: 'snapshotsFail', storage: 'nvme-storage' },
  { kind: 'freezeFails' },
  { kind: 'agentSilent' },
  { kind: 'clockSkew', ms: 90_000, node: 'pve-3' },
];

interface Manual {
  readonly method: 'PUT' | 'POST';
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
}
const config = (params: Manual['params']): Manual => ({ method: 'PUT', path: 'config', params });

const MANUAL: readonly Manual[] = [
  config({ tags: 'by-hand' }),
  config({ onboot: '1' }),
  config({ cores: '3' }),
  config({ memory: '1536' }),
  config({ name: 'renamed-by-hand' }),
  config({ net7: 'virtio,bridge=vmbr2' }),
  config({ delete: 'boot' }),
  { method: 'PUT', path: 'resize', params: { disk: 'scsi0', size: '+1G' } },
  { method: 'POST', path: 'status/stop', params: {} },
  { method: 'POST', path: 'status/start', params: {} },
  { method: 'POST', path: 'snapshot', params: { snapname: 'byhand' } },
  { method: 'POST', path: 'migrate', params: { target: 'pve-3', online: '1', 'with-local-disks': '1' } },
];

export function incidentsOf(cast: Cast): Incidents {
  const dispatcher = new Agent({ connect: { ca: cast.fake.ca } });
  const base = cast.fake.url;
  const ask = async (
    method: string,
    path: string,
    body?: { readonly type: string; readonly text: string },
  ) => {
    const headers = {
      authorization: `PVEAPIToken=${cast.fake.token}`,
      ...(body !== undefined && { 'content-type': body.type }),
    };
    const reply = await fetch(`${base}${path}`, { method, headers, dispatcher, body: body?.text ?? null });
    await reply.arrayBuffer();
    return reply.status;
  };

  async function fault(random: Random): Promise<string> {
    const rule = JSON.stringify(FAULTS[random.integer(0, FAULTS.length - 1)]);
    await ask('POST', '/fakepve/faults', { type: 'application/json', text: rule });
    return `fault ${rule}`;
  }

  async function byHand(random: Random, guests: readonly Guest[]): Promise<string> {
    const ours = guests.filter((guest) => ownerOf(guest) !== undefined);
    const guest = ours[random.integer(0, ours.length - 1)];
    const manual = MANUAL[random.integer(0, MANUAL.length - 1)];
    if (!guest || !manual) return 'nothing';
    const { method, path, params } = manual;
    const text = new URLSearchParams(params).toString();
    const status = await ask(method, `/api2/json/nodes/${guest.node}/qemu/${guest.vmid}/${path}`, {
      type: 'application/x-www-form-urlencoded',
      text,
    });
    return `by hand: ${method} ${path} ${text} of guest ${guest.vmid} (${status})`;
  }

  async function kill(): Promise<string> {
    await ended(cast.operator, 'SIGKILL');
    await cast.restartOperator();
    return 'the operator is killed, and starts again';
  }

  /** Longer than its Lease lasts. */
  async function stop(): Promise<string> {
    cast.operator.kill('SIGSTOP');
    await sleep(20_000);
    cast.operator.kill('SIGCONT');
    await sleep(3_000);
    if (cast.operator.exitCode !== null || cast.operator.signalCode !== null) await cast.restartOperator();
    return 'the operator stands still for 20 s';
  }

  async function restartApiServer(): Promise<string> {
    await cast.plane.restartApiServer();
    if (cast.operator.exitCode !== null) await cast.restartOperator();
    return 'the API server restarts';
  }

  return {
    happen(random, guests) {
      const turn = random.integer(1, 100);
      if (turn <= 50) return fault(random);
      if (turn <= 80) return byHand(random, guests);
      if (turn <= 92) return kill();
      return turn <= 97 ? stop() : restartApiServer();
    },
    async end() {
      await ask('DELETE', '/fakepve/faults');
      if (cast.operator.exitCode !== null || cast.operator.signalCode !== null) await cast.restartOperator();
    },
    close: () => dispatcher.close(),
  };
}
