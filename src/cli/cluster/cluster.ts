/** The requests of the commands to the API server, with the rights of the user and no other. */
import { z } from 'zod';
import { KubeError } from '../../kube/errors.ts';
import { urlPath, type ApiPath } from '../../kube/resource.ts';
import type { Transport } from '../../kube/transport.ts';
import type { Millis } from '../../lib/units.ts';
import type { CliKind } from './kinds.ts';
import { FIELD_MANAGER, Stored } from './objects.ts';
import { Table, TABLE_TYPE } from './table.ts';

export interface Where {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface At {
  readonly namespace: string;
  readonly name: string;
}

export interface WriteOptions {
  /** The API server tries it out and stores nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface Cluster {
  /** The namespace of `--namespace`, or of the context. */
  readonly namespace: string;
  /** Throws a `KubeError` (NotFound) if there is none. */
  get(kind: CliKind, at: At): Promise<Stored>;
  list(kind: CliKind, where: Where): Promise<readonly Stored[]>;
  /** The columns that kubectl prints, as the API server makes them. */
  table(kind: CliKind, where: Where & { readonly name?: string | undefined }): Promise<Table>;
  create(kind: CliKind, namespace: string, object: object, options?: WriteOptions): Promise<Stored>;
  /** A merge patch. `limit`: how long an answer may take. */
  patch(kind: CliKind, at: At, body: object, options?: { readonly limit?: Millis }): Promise<Stored>;
  /** Version of the API server. */
  version(): Promise<string>;
}

const List = z.object({ items: z.array(Stored), metadata: z.object({ continue: z.string().optional() }) });
const Version = z.object({ gitVersion: z.string() });
const PAGE = '500';

const selection = ({ labelSelector, fieldSelector }: Where): Record<string, string> => ({
  ...(labelSelector !== undefined && { labelSelector }),
  ...(fieldSelector !== undefined && { fieldSelector }),
});

/**
 * @param namespace of what names none
 * @param signal ends reads; a write that was begun is finished
 */
export function clusterOver(
  { send }: Pick<Transport, 'send'>,
  namespace: string,
  signal?: AbortSignal,
): Cluster {
  const pathOf = ({ resource }: CliKind, at: Pick<ApiPath, 'namespace' | 'name'>): string =>
    urlPath({ ...resource, ...at });
  const read = async (answer: Promise<unknown>): Promise<Stored> => Stored.parse(await answer);
  return {
    namespace,
    get: (kind, at) => read(send({ method: 'GET', path: pathOf(kind, at), signal })),
    async list(kind, where) {
      const path = pathOf(kind, { namespace: where.namespace });
      const objects: Stored[] = [];
      let token: string | undefined;
      do {
        const query = { ...selection(where), limit: PAGE, ...(token !== undefined && { continue: token }) };
        const page = List.parse(await send({ method: 'GET', path, query, signal }));
        objects.push(...page.items);
        token = page.metadata.continue === '' ? undefined : page.metadata.continue;
      } while (token !== undefined);
      return objects;
    },
    async table(kind, { name, ...where }) {
      const path = pathOf(kind, { namespace: where.namespace, name });
      const query = { ...selection(where), includeObject: 'Metadata' };
      return Table.parse(await send({ method: 'GET', path, query, accept: TABLE_TYPE, signal }));
    },
    create: (kind, into, body, { dryRun } = {}) =>
      read(
        send({
          method: 'POST',
          path: pathOf(kind, { namespace: into }),
          query: {
            fieldManager: FIELD_MANAGER,
            fieldValidation: 'Strict',
            ...(dryRun === true && { dryRun: 'All' }),
          },
          body,
        }),
      ),
    patch: (kind, at, body, options) =>
      read(
        send({
          method: 'PATCH',
          path: pathOf(kind, at),
          query: { fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' },
          body,
          contentType: 'application/merge-patch+json',
          ...options,
        }),
      ),
    version: async () => Version.parse(await send({ method: 'GET', path: '/version', signal })).gitVersion,
  };
}

/** `undefined` where the answer is that there is none, or that the user may not read it. */
export async function ifReadable<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof KubeError && [403, 404].includes(error.status)) return undefined;
    throw error;
  }
}
