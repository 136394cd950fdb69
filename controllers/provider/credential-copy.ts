/** What a copy of a Provider's credentials holds: all that it takes to connect without the Provider and its Secret. Pure. */
import { z } from 'zod';
import type { Provider } from '../../src/api/index.ts';
import type { ClusterIdentity } from '../../src/pve/index.ts';
import { printIdentity } from '../shared/cluster/identity.ts';
import type { Settings } from './settings.ts';

export interface CredentialCopy {
  /** Of the Provider. */
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** As in the Provider's status: the PVE cluster that it must lead to. */
  readonly clusterID: string;
  readonly settings: Omit<Settings, 'nodeSelector'>;
}

/** What was connected with, and to. */
export interface Connected {
  readonly settings: Settings;
  readonly identity: ClusterIdentity;
}

export function copyOf({ metadata }: Provider, { settings, identity }: Connected): CredentialCopy {
  const { uid, namespace, name } = metadata;
  const { nodeSelector: _forNewVms, ...connection } = settings;
  return { uid, namespace, name, clusterID: printIdentity(identity), settings: connection };
}

/** By these the copies are found among the Secrets of the operator's namespace. */
export const COPY_LABELS = {
  'app.kubernetes.io/managed-by': 'virtrigaud-proxmox',
  'app.kubernetes.io/component': 'provider-credentials',
} as const;

export const copyName = (uid: string): string => `virtrigaud-provider-${uid}`;

const KEY = 'connection.json';

const Stored = z.object({
  uid: z.string(),
  namespace: z.string(),
  name: z.string(),
  clusterID: z.string(),
  settings: z.object({
    origin: z.string(),
    otherOrigins: z.array(z.string()),
    credentials: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('token'), id: z.string(), secret: z.string() }),
      z.object({ kind: z.literal('password'), username: z.string(), password: z.string() }),
    ]),
    ca: z
      .string()
      .optional()
      .transform((ca): string | undefined => ca),
    fingerprints: z.array(z.string()),
    insecureSkipVerify: z.boolean(),
  }),
});

export const toValues = (copy: CredentialCopy): Readonly<Record<string, string>> => ({
  [KEY]: JSON.stringify(Stored.parse(copy)),
});

/** `undefined`: somebody else wrote it, or another version of the operator. Nothing of it may reach a log. */
export function fromValues({ [KEY]: text }: Readonly<Record<string, string>>): CredentialCopy | undefined {
  try {
    const { settings, ...of } = Stored.parse(JSON.parse(text ?? ''));
    return { ...of, settings: { ...settings, ca: settings.ca } };
  } catch {
    return undefined;
  }
}
