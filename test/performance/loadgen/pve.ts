/** Starts and stops VMs in Proxmox VE itself, as somebody would in its web interface. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { z } from 'zod';

/** The variables that the operator reads as well. */
const Settings = z.object({
  PVE_ENDPOINT: z.url(),
  PVE_TOKEN_ID: z.string().min(1),
  PVE_TOKEN_SECRET: z.string().min(1),
  PVE_INSECURE_SKIP_VERIFY: z.stringbool().default(false),
});

export interface Power {
  /** Resolves when the task of Proxmox VE has ended. */
  set(guest: { readonly node: string; readonly vmid: number }, power: 'start' | 'stop'): Promise<void>;
  close(): Promise<void>;
}

const Upid = z.object({ data: z.string().startsWith('UPID:') });
const TaskStatus = z.object({ data: z.object({ status: z.string(), exitstatus: z.string().optional() }) });
const POLL_MS = 20;

/** @throws {Error} naming the variables that are missing */
export function powerOf(environment: NodeJS.ProcessEnv): Power {
  const { data: settings, error } = Settings.safeParse(environment);
  if (error)
    throw new Error(
      `The operation describe changes VMs in Proxmox VE itself, and needs to reach it:\n${z.prettifyError(error)}`,
    );
  const root = `${settings.PVE_ENDPOINT.replace(/\/+$/, '').replace(/\/api2(\/json)?$/, '')}/api2/json`;
  const authorization = `PVEAPIToken=${settings.PVE_TOKEN_ID}=${settings.PVE_TOKEN_SECRET}`;
  const dispatcher = new Agent({ connect: { rejectUnauthorized: !settings.PVE_INSECURE_SKIP_VERIFY } });

  async function send(method: 'GET' | 'POST', path: string): Promise<unknown> {
    const { statusCode, body } = await request(root + path, {
      method,
      dispatcher,
      headers: { authorization },
    });
    const text = await body.text();
    if (statusCode >= 300) throw new Error(`Proxmox VE answers ${statusCode} to ${method} ${path}: ${text}`);
    return JSON.parse(text);
  }

  return {
    async set({ node, vmid }, power) {
      const { data: upid } = Upid.parse(await send('POST', `/nodes/${node}/qemu/${vmid}/status/${power}`));
      const path = `/nodes/${node}/tasks/${encodeURIComponent(upid)}/status`;
      for (;;) {
        const { data: task } = TaskStatus.parse(await send('GET', path));
        if (task.status !== 'stopped') await sleep(POLL_MS);
        else if (task.exitstatus === 'OK') return;
        else throw new Error(`To ${power} VM ${vmid} failed in Proxmox VE: ${task.exitstatus ?? ''}`);
      }
    },
    close: () => dispatcher.close(),
  };
}
