import { Answer, Call, Json } from './call.ts';
import { authenticate } from './authentication.ts';
import { parseForm, readBody } from './body.ts';
import { PveError, failure, notImplemented, paramError, refused } from './errors.ts';
import { taskFault } from './faults.ts';
import { checkPermissions } from './permissions.ts';
import { verifyAll } from './schema/verify.ts';
import { endpointIn } from './schema/versions.ts';
import type { IncomingMessage } from 'node:http';
import type { Body } from './body.ts';
import type { RequestFault } from './fault-rules.ts';
import type { Route } from './router.ts';
import type { Endpoint } from './schema/schema.ts';
import type { Value, Values } from './schema/verify.ts';
import type { World } from './world.ts';

/** A reply: a status line and a body. */
export interface Reply {
  readonly status: number;
  readonly reason: string;
  readonly body: string;
}

export interface Exchange {
  readonly world: World;
  readonly request: IncomingMessage;
  readonly method: string;
  /** After /api2/json. */
  readonly path: string;
  readonly query: string;
  /** Undefined for paths and methods that are not served. */
  readonly found: Route | undefined;
  readonly faults: readonly RequestFault[];
  /** The parameters, for the log; unknown until the body was read, which does not happen without a login. */
  sent: Values | undefined;
}

const methods = new Set(['GET', 'POST', 'PUT', 'DELETE']);

function checkHead({ method, request }: Exchange): void {
  if (!methods.has(method)) throw refused(501, `method '${method}' not available`);
  if (request.headers['transfer-encoding'] !== undefined)
    throw refused(501, 'chunked transfer encoding not supported');
}

function checkContent({ method, request }: Exchange): void {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > 0 && method !== 'POST' && method !== 'PUT')
    throw new TextRefusal(`Unexpected content for method '${method}'`);
}

/** A refusal with its reason as a plain text body. */
class TextRefusal extends Error {}

function mergePath(found: Route, params: Values): Values {
  const merged: Record<string, Value> = { ...found.pathParams };
  for (const [name, value] of Object.entries(params).sort()) {
    if (merged[name] !== undefined && merged[name] !== value)
      throw paramError({ [name]: 'duplicate parameter (already defined in URI) with conflicting values!' });
    merged[name] = value;
  }
  return merged;
}

/** Uploads are received here, and then copied to the node. */
function noStorage(world: World, node: string, { storage }: Values): PveError {
  const ssh = `/usr/bin/ssh -o 'BatchMode=yes' -o 'HostKeyAlias=${node}' ${world.nodes.get(node)?.ip ?? ''}`;
  const command = `${ssh} -- /usr/sbin/pvesm status --storage ${String(storage)}`;
  return new PveError(
    500,
    `can't activate storage '${String(storage)}' on node '${node}': command '${command}' failed: exit code 255\n\n`,
  );
}

/** Requests for another node are proxied to it: the node must exist and answer. */
function checkNode(world: World, values: Values, isUpload: boolean): Values {
  const node = values['node'];
  if (typeof node !== 'string') return values;
  if (node === 'localhost') return { ...values, node: world.localNode.name };
  if (!world.nodes.has(node))
    throw failure(
      `hostname lookup '${node}' failed - failed to get address info for: ${node}: Name or service not known`,
    );
  if (!world.isOnline(node))
    throw isUpload ? noStorage(world, node, values) : refused(595, 'No route to host');
  return values;
}

/** The endpoint as the version of that node has it; PVE of the local node has to know it as well. */
function endpointOf({ world, method, path, found }: Exchange, node?: string): Endpoint {
  const endpoint = found && endpointIn(found.key, world.release(node));
  if (!endpoint) throw notImplemented(method, path);
  return endpoint;
}

/** A node checks the parameters of the requests that it gets by its own version. */
function verify(endpoint: Endpoint, values: Values): void {
  const errors = verifyAll(values, endpoint.params, { open: endpoint.open === true });
  if (Object.keys(errors).length > 0) throw paramError(errors);
}

async function handle(exchange: Exchange): Promise<unknown> {
  const { world, request, method, path, found } = exchange;
  checkHead(exchange);
  const caller = await authenticate(world, request, path);
  checkContent(exchange);
  const query = parseForm(exchange.query);
  const isUpload = method === 'POST' && path.endsWith('/upload');
  const body: Body =
    method === 'POST' || method === 'PUT'
      ? await readBody(request, isUpload)
      : { params: {}, file: undefined };
  const sent = { ...query, ...body.params };
  exchange.sent = sent;
  if (!found) throw notImplemented(method, path);
  const { check } = endpointOf(exchange);
  const values = mergePath(found, sent);
  if (check && check[0] !== 'world') checkPermissions(world.access, caller, check, values);
  // Only paths below a node are proxied; `node` may be an ordinary parameter elsewhere.
  const isProxied = path.startsWith('/nodes/');
  const params = isProxied ? checkNode(world, values, isUpload) : values;
  verify(endpointOf(exchange, isProxied ? String(params['node']) : undefined), params);
  return found.handler(
    new Call(world, caller, { params, file: body.file, fault: taskFault(exchange.faults) }),
  );
}

/** The reason phrase is the first line of the text. */
const firstLine = (text: string): string =>
  (text.split('\n')[0] ?? '').replace(/[^\t\x20-\x7e\x80-\xff]/g, '?');

export function errorReply(error: unknown): Reply {
  if (error instanceof TextRefusal) return { status: 501, reason: error.message, body: error.message };
  const known =
    error instanceof PveError
      ? error
      : failure(error instanceof Error ? (error.stack ?? error.message) : String(error));
  const { status, text, errors, bare } = known;
  const body = bare ? '' : JSON.stringify({ data: null, message: text, ...(errors ? { errors } : {}) });
  return { status, reason: firstLine(text), body };
}

function okBody(result: unknown): string {
  if (result instanceof Json) return `{"data":${result.text}}`;
  if (result instanceof Answer) return JSON.stringify({ data: result.data, ...result.members });
  return JSON.stringify({ data: result ?? null });
}

function okReply(result: unknown): Reply {
  return { status: 200, reason: 'OK', body: okBody(result) };
}

/** Carries out a request and returns the reply that PVE would send. */
export async function answer(exchange: Exchange): Promise<Reply> {
  try {
    return okReply(await handle(exchange));
  } catch (error) {
    return errorReply(error);
  }
}
