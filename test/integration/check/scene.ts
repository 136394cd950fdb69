/** A fake Proxmox VE that something is wrong with, and what `check` says about it. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { runCheck } from '../../../src/cmd/check/check.ts';
import { type FakePve, instant } from '../../fakepve/index.ts';
import type { ClusterInput } from '../../fakepve/cluster-file.ts';
import { startPve } from '../harness/pve.ts';

export const USER = 'virtrigaud@pve';
export const TOKEN = `${USER}!vrtg-token`;
export const SECRET = 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx';

/** The demo cluster with some of its parts replaced. */
export const demoCluster = (change: Partial<ClusterInput> = {}): ClusterInput => ({
  ...(parse(readFileSync('test/fakepve/clusters/document.yaml', 'utf8')) as ClusterInput),
  ...change,
});

export const startScene = (change: Partial<ClusterInput> = {}): Promise<FakePve> =>
  startPve({ latency: instant, cluster: demoCluster(change) });

export const environmentOf = ({ url, ca }: FakePve): Record<string, string> => ({
  PVE_ENDPOINT: `${url}/api2`,
  PVE_TOKEN_ID: TOKEN,
  PVE_TOKEN_SECRET: SECRET,
  PVE_CA_BUNDLE: ca,
});

export interface Checked {
  readonly code: number;
  /** Everything that is not ok, line by line; the fake's port is always PORT. */
  readonly complaints: readonly string[];
  readonly text: string;
}

export async function check(pve: FakePve, change: Record<string, string> = {}): Promise<Checked> {
  const { code, out } = await runCheck([], { ...environmentOf(pve), ...change });
  const text = out.replaceAll(String(pve.port), 'PORT');
  const lines = text.split('\n').slice(0, -3);
  return {
    code,
    text,
    complaints: lines.filter((line) => !line.startsWith('ok ')).map((line) => line.trim()),
  };
}

/** Does to the fake what lines for a shell on a node would do to a real Proxmox VE. */
export function runOnNode(pve: FakePve, commands: readonly string[]): void {
  for (const command of commands) {
    const effect = EFFECTS.find(([pattern]) => pattern.test(command));
    if (!effect) throw new Error(`no such command on a node: ${command}`);
    const [pattern, apply] = effect;
    apply(pve.state.access, pattern.exec(command)?.slice(1) ?? []);
  }
}

type Access = FakePve['state']['access'];

const EFFECTS: readonly (readonly [RegExp, (access: Access, words: readonly string[]) => void])[] = [
  [/^pveum role add (\w+)$/, ({ roles }, [name = '']) => void roles.set(name, roles.get(name) ?? [])],
  [
    /^pveum role modify (\w+) --append 1 --privs '([\w.,]+)'$/,
    ({ roles }, [name = '', privileges = '']) =>
      void roles.set(name, [...(roles.get(name) ?? []), ...privileges.split(',')]),
  ],
  [
    /^pveum acl modify (\S+) --(user|token)s '([^']+)' --roles (\w+)$/,
    (access, [path = '', kind, subject = '', role = '']) =>
      access.grant({ path, kind: kind === 'user' ? 'user' : 'token', subject, role, propagate: true }),
  ],
];
