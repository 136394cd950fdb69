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

/** What the API server says of a request that it only tries out. */
export interface Verdict {
  /** Why it is refused; `undefined`: it is not. */
  readonly objection: string | undefined;
  readonly warnings: readonly string[];
}

export interface TryOptions {
  readonly body?: object;
  /** Whose request it is; absent: an administrator's. */
  readonly as?: string;
  /** Absent: `Strict`, an object that has some is refused. */
  readonly unknownFields?: 'Strict' | 'Ignore';
}

export interface KubeApi {
  /** Server-side apply, as one field manager that wins every conflict; unknown fields are refused. */
  apply: (path: string, object: object) => Promise<void>;
  /** Creates what the server does not keep, such as a review of rights; gives its answer as text. */
  create: (path: string, object: object) => Promise<string>;
  /** What the API server says against creating it; `undefined`: nothing. Nothing is created. */
  objection: (
    path: string,
    object: object,
    options?: Pick<TryOptions, 'unknownFields'>,
  ) => Promise<string | undefined>;
  /** What would come of a request, as `kubectl --dry-run=server` shows it. Nothing changes. */
  tryOut: (method: 'POST' | 'DELETE', path: string, options?: TryOptions) => Promise<Verdict>;
  /** The body as text; `undefined`: there is no such thing. Any other refusal throws. */
  get: (path: string) => Promise<string | undefined>;
  /** A merge patch; gives whether the object is there. */
  patch: (path: string, body: object) => Promise<boolean>;
  /** A JSON Patch; gives whether the object is there. */
  jsonPatch: (path: string, operations: readonly object[]) => Promise<boolean>;
  /** Does not wait until the object is gone; gives whether it was there. */
  remove: (path: string) => Promise<boolean>;
  close: () => Promise<void>;
}

/** @param kubeconfig of a control plane of the tests */
export async function kubeApi(kubeconfig: string): Promise<KubeApi> {
  const { server, ca, authorization } = await read(kubeconfig);
  // Many requests at once share connections: each costs a TLS handshake.
  const dispatcher = new Agent({ connect: { ca }, connections: 16 });

  async function send(
    method: 'GET' | 'PATCH' | 'DELETE',
    path: string,
    patch?: {
      readonly type: 'merge-patch+json' | 'json-patch+json' | 'apply-patch+yaml';
      readonly body: object;
    },
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

  const tryOut: KubeApi['tryOut'] = async (method, path, options = {}) => {
    const { body, as, unknownFields = 'Strict' } = options;
    const creating = method === 'POST' ? `&fieldManager=test&fieldValidation=${unknownFields}` : '';
    const answer = await request(`${server}${path}?dryRun=All${creating}`, {
      dispatcher,
      method,
      headers: {
        authorization,
        'content-type': 'application/json',
        ...(as !== undefined && { 'impersonate-user': as }),
      },
      body: body ? JSON.stringify(body) : null,
    });
    const { message = `HTTP ${answer.statusCode}` } = Status.parse(await answer.body.json());
    return {
      objection: answer.statusCode < 300 ? undefined : message,
      warnings: [answer.headers['warning'] ?? []].flat(),
    };
  };

  return {
    tryOut,
    objection: async (path, body, options) => (await tryOut('POST', path, { body, ...options })).objection,
    async create(path, object) {
      const { statusCode, body } = await request(`${server}${path}`, {
        dispatcher,
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify(object),
      });
      const text = await body.text();
      if (statusCode >= 300) throw new Error(`POST ${path}: ${statusCode} ${text}`);
      return text;
    },
    async apply(path, body) {
      const query = 'fieldManager=test&force=true&fieldValidation=Strict';
      const answer = await send('PATCH', `${path}?${query}`, { type: 'apply-patch+yaml', body });
      if (answer === undefined) throw new Error(`PATCH ${path}: 404: its namespace or kind does not exist`);
    },
    get: (path) => send('GET', path),
    patch: async (path, body) =>
      (await send('PATCH', path, { type: 'merge-patch+json', body })) !== undefined,
    jsonPatch: async (path, body) =>
      (await send('PATCH', path, { type: 'json-patch+json', body })) !== undefined,
    remove: async (path) => (await send('DELETE', path)) !== undefined,
    close: () => dispatcher.close(),
  };
}
