/** `/nodes/{node}/qemu/{vmid}/agent`: the QEMU guest agent. That it does not answer is a result, not an error. */
import { z } from 'zod';
import { seconds, type NodeName, type Vmid } from '../lib/units.ts';
import { endpoint, type CallOptions, type Need, type Send } from './endpoint.ts';
import { PveError } from './errors.ts';
import { agentStateIn } from './refusals.ts';
import { Flag, Int, maybe, NodeParam, rows, VmidParam, Word } from './wire.ts';

const Address = z
  .object({ 'ip-address': z.string().max(64), 'ip-address-type': maybe(Word), prefix: maybe(Int) })
  .transform((row) => ({
    address: row['ip-address'],
    family: row['ip-address'].includes(':') ? ('ipv6' as const) : ('ipv4' as const),
    prefix: row.prefix,
  }));

const Interface = z
  .object({ name: Word, 'hardware-address': maybe(Word), 'ip-addresses': maybe(rows(Address)) })
  .transform((row) => ({
    name: row.name,
    mac: row['hardware-address']?.toUpperCase(),
    addresses: row['ip-addresses'] ?? [],
  }));

/** An interface under the guest's name for it; tunnels and loopbacks included. */
export type GuestInterface = z.output<typeof Interface>;

export type AgentInterfaces =
  | { readonly state: 'running'; readonly interfaces: readonly GuestInterface[] }
  /** It answers, but not to this: `message` has its error. */
  | { readonly state: 'refused'; readonly message: string }
  /** `silent`: enabled, but no answer; `notConfigured`: not enabled in the VM's configuration; `stopped`: the VM is off. */
  | { readonly state: 'silent' | 'notConfigured' | 'stopped' };

const commands: readonly Need[] = [
  { path: '/vms/{vmid}', anyOf: ['VM.GuestAgent.Unrestricted'], since: 9, feature: 'guestCommands' },
  { path: '/vms/{vmid}', anyOf: ['VM.Monitor'], until: 8, feature: 'guestCommands' },
];

/** The state of a command in the guest. Its output is not read. */
export type Execution =
  | { readonly state: 'running' }
  | { readonly state: 'ended'; readonly exitCode: number }
  /** The agent no longer knows the process, for example after a reboot of the guest; or it printed more than is read. */
  | { readonly state: 'lost' }
  | { readonly state: 'silent' | 'notConfigured' | 'stopped' };

const Exited = z.object({ exited: Flag, exitcode: maybe(Int), signal: maybe(Int) });

export const AGENT = {
  exec: endpoint({
    method: 'POST',
    path: '/nodes/{node}/qemu/{vmid}/agent/exec',
    lane: 'agent',
    params: z.object({ node: NodeParam, vmid: VmidParam, command: z.array(z.string()).min(1) }),
    reply: z.object({ pid: Int }),
    needs: commands,
  }),
  execStatus: endpoint({
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/agent/exec-status',
    lane: 'agent',
    params: z.object({ node: NodeParam, vmid: VmidParam, pid: z.int() }),
    reply: Exited,
    needs: commands,
  }),
  networkInterfaces: endpoint({
    method: 'GET',
    path: '/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces',
    // PVE waits about 3 s for an agent that does not answer: booting guests must not delay other calls.
    lane: 'agent',
    params: z.object({ node: NodeParam, vmid: VmidParam }),
    reply: z.object({ result: maybe(rows(Interface)) }),
    needs: [
      {
        path: '/vms/{vmid}',
        anyOf: ['VM.GuestAgent.Audit', 'VM.GuestAgent.Unrestricted'],
        since: 9,
        feature: 'guestAgent',
      },
      { path: '/vms/{vmid}', anyOf: ['VM.Monitor'], until: 8, feature: 'guestAgent' },
    ],
  }),
} as const;

export interface Agent {
  networkInterfaces(options?: CallOptions): Promise<AgentInterfaces>;
  /** Starts a program with its arguments, without a shell. */
  exec(
    command: readonly string[],
    options?: CallOptions,
  ): Promise<
    | { readonly pid: number }
    /** `refused`: the agent cannot run the command, for example because the program does not exist. */
    | { readonly state: 'silent' | 'notConfigured' | 'stopped' | 'refused' }
  >;
  execution(pid: number, options?: CallOptions): Promise<Execution>;
}

/** PVE waits about 3 s for the agent. */
const DEADLINE = seconds(5);

const stateAfter = (error: unknown): 'silent' | 'notConfigured' | 'stopped' | undefined => {
  if (!(error instanceof PveError)) return undefined;
  if (error.code === 'timeout') return 'silent';
  return error.refusal === 'unknown' ? agentStateIn(error.pveMessage) : undefined;
};

const isExcessive = (error: unknown): boolean => error instanceof PveError && error.refusal === 'excessive';

/** The agent itself answered, with an error. */
const isAgentError = (error: unknown): error is PveError =>
  error instanceof PveError && error.pveMessage.startsWith('Agent error');

export const agent = (send: Send, at: { readonly node: NodeName; readonly vmid: Vmid }): Agent => ({
  async networkInterfaces(options) {
    try {
      const { result } = await send(AGENT.networkInterfaces, at, { ...options, deadline: DEADLINE });
      return { state: 'running', interfaces: result ?? [] };
    } catch (error) {
      if (isAgentError(error)) return { state: 'refused', message: error.pveMessage };
      const state = stateAfter(error);
      if (state !== undefined) return { state };
      throw error;
    }
  },
  async exec(command, options) {
    try {
      return await send(AGENT.exec, { ...at, command: [...command] }, { ...options, deadline: DEADLINE });
    } catch (error) {
      if (isAgentError(error)) return { state: 'refused' };
      const state = stateAfter(error);
      if (state !== undefined) return { state };
      throw error;
    }
  },
  async execution(pid, options) {
    try {
      const { exited, exitcode, signal } = await send(
        AGENT.execStatus,
        { ...at, pid },
        { ...options, deadline: DEADLINE },
      );
      // The exit code that a shell reports for a signal.
      const code = exitcode ?? (signal === undefined ? 0 : 128 + signal);
      return exited ? { state: 'ended', exitCode: code } : { state: 'running' };
    } catch (error) {
      // Output comes with the end of the process, and with more of it than is read the exit code is not known.
      if (isAgentError(error) || isExcessive(error)) return { state: 'lost' };
      const state = stateAfter(error);
      if (state !== undefined) return { state };
      throw error;
    }
  },
});
