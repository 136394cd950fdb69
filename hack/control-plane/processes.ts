/** Starts servers that log into a folder, and ensures that none of them outlives this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { Socket, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Server {
  readonly name: string;
  readonly pid: number;
  readonly running: () => boolean;
  /** The end of its log, for error messages. */
  readonly logTail: () => string;
  /** Resolves when it has ended; SIGKILL follows after `graceMs`. */
  readonly end: (signal: 'SIGTERM' | 'SIGKILL', graceMs?: number) => Promise<void>;
}

export interface Processes {
  readonly start: (
    name: string,
    program: string,
    args: readonly string[],
    /** Absent: that of this process. */
    env?: NodeJS.ProcessEnv,
  ) => Server;
  /** Kills every server and lets the guard remove its folder. */
  readonly endAll: () => Promise<void>;
}

/** `temporary`: the folder is removed when the servers have ended, also when this process is killed. */
export function processesIn(dir: string, temporary: boolean): Processes {
  const servers = new Set<Server>();
  const guard = startGuard();
  if (temporary) guard.send(`folder ${dir}`);

  const start: Processes['start'] = (name, program, args, env) => {
    const logFile = join(dir, `${name}.log`);
    const output = openSync(logFile, 'a');
    // Detached: Ctrl-C in a terminal reaches only this process, which ends them in order.
    const child = spawn(program, args, { cwd: dir, detached: true, stdio: ['ignore', output, output], env });
    closeSync(output);
    child.unref();
    if (child.pid === undefined) throw new Error(`${program} cannot be started`);
    guard.send(`watch ${child.pid}`);
    const server: Server = {
      name,
      pid: child.pid,
      running: () => child.exitCode === null && child.signalCode === null,
      logTail: () => readFileSync(logFile, 'utf8').trim().split('\n').slice(-15).join('\n'),
      end: (signal, graceMs = 10_000) => endChild(child, signal, graceMs),
    };
    servers.add(server);
    child.once('exit', () => {
      servers.delete(server);
      guard.send(`forget ${server.pid}`);
    });
    return server;
  };

  return {
    start,
    endAll: async () => {
      await Promise.all([...servers].map((server) => server.end('SIGKILL')));
      await guard.dismiss();
    },
  };
}

async function endChild(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL', graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const ended = once(child, 'exit');
  child.kill(signal);
  const grace = new AbortController();
  const killed = sleep(graceMs, undefined, { signal: grace.signal }).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  );
  await ended;
  grace.abort();
  await killed;
}

function startGuard() {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const guard = spawn(process.execPath, [join(import.meta.dirname, 'guard.ts')], {
    detached: true,
    env,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  // Neither the guard nor its pipe keeps the event loop alive if a caller forgets to stop the control plane.
  if (guard.stdin instanceof Socket) guard.stdin.unref();
  guard.stdin.on('error', () => undefined);
  return {
    send: (line: string) => {
      if (!guard.stdin.destroyed) guard.stdin.write(`${line}\n`);
    },
    dismiss: async () => {
      if (guard.exitCode !== null || guard.signalCode !== null) return;
      guard.ref();
      const ended = once(guard, 'exit');
      guard.stdin.end();
      await ended;
    },
  };
}

/** A port of the loopback interface that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string')
    throw new Error('no free port on the loopback interface');
  return address.port;
}
