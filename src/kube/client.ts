/** The verbs of the Kubernetes API that this program uses. What comes in is checked by the caller's schema. */
import { z } from 'zod';
import { KubeError } from './errors.ts';
import { urlPath, type ApiCollection, type ApiPath } from './resource.ts';
import type { Transport } from './transport.ts';

const Page = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(z.unknown()),
});
export type Page = z.output<typeof Page>;

const WatchEvent = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown(),
});
export type WatchEvent = z.output<typeof WatchEvent>;

/** How many objects one answer holds at most: a longer one would keep the event loop too long. */
const PAGE_SIZE = 500;

/** Refused with 404: there is no such object. */
type Reply<T extends z.ZodType> = z.output<T> | undefined;

export interface WatchFrom {
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
  /** Called once the API server has accepted the watch; the first event may come much later. */
  readonly onOpen?: () => void;
}

export interface KubeClient {
  get<T extends z.ZodType>(path: ApiPath, reply: T, signal?: AbortSignal): Promise<Reply<T>>;
  /** All objects of a collection, page by page; every page is of the same moment. */
  list(collection: ApiCollection, signal: AbortSignal): AsyncIterable<Page>;
  watch(collection: ApiCollection, from: WatchFrom, signal: AbortSignal): AsyncIterable<WatchEvent>;
  create<T extends z.ZodType>(
    path: ApiPath,
    body: unknown,
    reply: T,
    signal?: AbortSignal,
  ): Promise<z.output<T>>;
  /** The body carries the resourceVersion it replaces. */
  replace<T extends z.ZodType>(
    path: ApiPath,
    body: unknown,
    reply: T,
    signal?: AbortSignal,
  ): Promise<z.output<T>>;
  /** Sets one member of an object, whole, provided its resourceVersion is still this one; otherwise Conflict. */
  setMember<T extends z.ZodType>(path: ApiPath, change: MemberChange, reply: T): Promise<z.output<T>>;
  /** Deleting what is already gone is a success; what is not as the precondition says is refused with Conflict. */
  delete(
    path: ApiPath,
    precondition?: { readonly uid: string; readonly resourceVersion?: string },
  ): Promise<void>;
}

export interface MemberChange {
  readonly resourceVersion: string;
  /** A JSON pointer. */
  readonly member: string;
  readonly value: unknown;
}

export function kubeClient({ send, lines }: Transport): KubeClient {
  async function* list(collection: ApiCollection, signal: AbortSignal): AsyncGenerator<Page> {
    let token: string | undefined;
    do {
      const query = {
        limit: String(PAGE_SIZE),
        ...selected(collection),
        ...(token !== undefined && { continue: token }),
      };
      const page = Page.parse(await send({ method: 'GET', path: urlPath(collection), query, signal }));
      yield page;
      token = page.metadata.continue;
    } while (token);
  }

  async function* watch(
    collection: ApiCollection,
    from: WatchFrom,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const query = {
      ...selected(collection),
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: from.resourceVersion,
      timeoutSeconds: String(from.timeoutSeconds),
    };
    const events = await lines({ method: 'GET', path: urlPath(collection), query, signal });
    from.onOpen?.();
    for await (const line of events) yield WatchEvent.parse(JSON.parse(line));
  }

  return {
    list,
    watch,
    async get(path, reply, signal) {
      const body = await unlessNotFound(send({ method: 'GET', path: urlPath(path), signal }));
      return body === undefined ? undefined : reply.parse(body);
    },
    async create(path, body, reply, signal) {
      return reply.parse(await send({ method: 'POST', path: urlPath(path), body, signal }));
    },
    async replace(path, body, reply, signal) {
      return reply.parse(await send({ method: 'PUT', path: urlPath(path), body, signal }));
    },
    async setMember(path, { resourceVersion, member, value }, reply) {
      const body = [
        // To "replace" the version by the one we saw makes the API server compare the two and answer Conflict.
        { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
        { op: 'add', path: member, value },
      ];
      const contentType = 'application/json-patch+json';
      return reply.parse(await send({ method: 'PATCH', path: urlPath(path), body, contentType }));
    },
    async delete(path, precondition) {
      const body = {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        propagationPolicy: 'Background',
        ...(precondition && { preconditions: precondition }),
      };
      await unlessNotFound(send({ method: 'DELETE', path: urlPath(path), body }));
    },
  };
}

const selected = ({ labelSelector }: ApiCollection): Readonly<Record<string, string>> =>
  labelSelector === undefined ? {} : { labelSelector };

async function unlessNotFound(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    throw error;
  }
}
