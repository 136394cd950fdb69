/**
 * Plain requests to the API server, for tests that are not about kubectl: a process for each would take more CPU time
 * than the operator and the API server together.
 */
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'undici';
import { parse } from 'yaml';
import { z } from 'zod';
import { connectionTo, type Connection } from '../../../src/kube/connection.ts';

const Kubeconfig = z.object({
  clusters: z.tuple([
    z.object({ cluster: z.object({ server: z.string(), 'certificate-authority-data': z.string() }) }),
  ]),
  users: z.tuple([z.object({ user: z.object({ token: z.string() }) })]),
});

async function read(file: string) {
  const { clusters, users } = Kubeconfig.parse(parse(await readFile(file, 'utf8')));
  const { server, 'certificate-authority-data': authority } = clusters[0].cluster;
  return {
    server,
    ca: Buffer.from(authority, 'base64').toString(),
    authorization: `Bearer ${users[0].user.token}`,
  };
}

/**
 * The operator's connection, for a kubeconfig of the tests. Real ones are read by client-node, which takes more than
 * half a second of CPU time to load.
 */
export async function connectionFrom(kubeconfig: string): Promise<Connection> {
  const { server, ca, authorization } = await read(kubeconfig);
  return connectionTo({ server, namespace: 'default' }, () =>
    Promise.resolve({ headers: { authorization }, tls: { ca, rejectUnauthorized: true } }),
  );
}

/** An object as a manifest has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: object;
}

const Status = z.object({ message: z.string().optional() });

export interface KubeApi {
  /** Server-side apply, as one field manager that wins every conflict; unknown fields are refused. */
  apply: (path: string, object: object) => Promise<void>;
  /** What the API server says against creating it; `undefined`: nothing. Nothing is created. */
  objection: (path: string, object: object) => Promise<string | undefined>;
  /** The body as text; `undefined`: there is no such thing. Any other refusal throws. */
  get: (path: string) => Promise<string | undefined>;
  /** A merge patch; gives whether the object is there. */
  patch: (path: string, body: object) => Promise<boolean>;
  /** Does not wait until the object is gone; gives whether it was there. */
  remove: (path: string) => Promise<boolean>;
  close: () => Promise<void>;
}

/** @param kubeconfig of a control plane of the tests */
export async function kubeApi(kubeconfig: string): Promise<KubeApi> {
  const { server, ca, authorization } = await read(kubeconfig);
  const dispatcher = new Agent({ connect: { ca } });

  async function send(
    method: 'GET' | 'PATCH' | 'DELETE',
    path: string,
    patch?: { readonly type: 'merge-patch+json' | 'apply-patch+yaml'; readonly body: object },
  ): Promise<string | undefined> {
    const { statusCode, body: answer } = await request(`${server}${path}`, {
      dispatcher,
      method,
      headers: { authorization, ...(patch && { 'content-type': `application/${patch.type}` }) },
      body: patch ? JSON.stringify(patch.body) : null,
    });
    const text = await answer.text();
    if (statusCode === 404) return undefined;
    if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${text}`);
    return text;
  }

  return {
    async objection(path, object) {
      const { statusCode, body } = await request(
        `${server}${path}?dryRun=All&fieldManager=test&fieldValidation=Strict`,
        {
          dispatcher,
          method: 'POST',
          headers: { authorization, 'content-type': 'application/json' },
          body: JSON.stringify(object),
        },
      );
      const { message } = Status.parse(await body.json());
      return statusCode < 300 ? undefined : message;
    },
    async apply(path, body) {
      const query = 'fieldManager=test&force=true&fieldValidation=Strict';
      const answer = await send('PATCH', `${path}?${query}`, { type: 'apply-patch+yaml', body });
      if (answer === undefined) throw new Error(`PATCH ${path}: 404: its namespace or kind does not exist`);
    },
    get: (path) => send('GET', path),
    patch: async (path, body) =>
      (await send('PATCH', path, { type: 'merge-patch+json', body })) !== undefined,
    remove: async (path) => (await send('DELETE', path)) !== undefined,
    close: () => dispatcher.close(),
  };
}
