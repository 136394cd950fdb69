/** What the operator costs: writes to the API server, requests to Proxmox VE, memory and CPU. */
import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import type { Cast } from '../demo/cast.ts';

export interface Cost {
  readonly pveRequests: number;
  readonly apiWrites: number;
  readonly cpuSeconds: number;
  readonly memoryMb: number;
}

export async function costOf(cast: Cast): Promise<Cost> {
  return {
    pveRequests: cast.fake.requests.length,
    apiWrites: await apiWrites(cast),
    cpuSeconds: await cpuSeconds(cast.operator),
    memoryMb: await memoryMb(cast.operator),
  };
}

/** Writes of our objects and of Events, by any client, that the API server has answered since its start. */
async function apiWrites({ plane }: Cast): Promise<number> {
  const { stdout } = await plane.kubectl(['get', '--raw', '/metrics']);
  let sum = 0;
  for (const line of stdout.split('\n')) {
    const [, labels = '', count = '0'] = /^apiserver_request_total\{(.*)\} (\S+)$/.exec(line) ?? [];
    const label = (name: string) => new RegExp(`[{,]?${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const isOurs = label('group') === 'infra.virtrigaud.io' || label('resource') === 'events';
    if (isOurs && /^(POST|PUT|PATCH|APPLY|DELETE)$/.test(label('verb'))) sum += Number(count);
  }
  return sum;
}

/** Linux counts in hundredths of a second. */
const TICKS = 100;

type Process = Pick<ChildProcess, 'pid'>;

export async function cpuSeconds({ pid }: Process): Promise<number> {
  const stat = await readFile(`/proc/${pid ?? 0}/stat`, 'utf8');
  // After the name in parentheses, which may hold anything: state is field 3, utime 14, stime 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** @param field VmRSS: what it has now; VmHWM: the most that it had since its start */
export async function memoryMb({ pid }: Process, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): Promise<number> {
  const status = await readFile(`/proc/${pid ?? 0}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024;
}

/** Of the whole machine over the last minute: figures mean little where it is far above the number of CPUs. */
export const load = (): string => (loadavg()[0] ?? 0).toFixed(1);
