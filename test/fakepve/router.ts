import { endpoints } from './schema/schema.ts';
import { accessRoutes } from './routes/access.ts';
import { agentRoutes } from './routes/agent.ts';
import { clusterRoutes } from './routes/cluster.ts';
import { diskRoutes } from './routes/disks.ts';
import { guestRoutes } from './routes/guests.ts';
import { haRoutes } from './routes/ha.ts';
import { haGroupRoutes } from './routes/ha-groups.ts';
import { haRuleRoutes } from './routes/ha-rules.ts';
import { imageRoutes } from './routes/images.ts';
import { migrationRoutes } from './routes/migration.ts';
import { poolRoutes } from './routes/pools.ts';
import { powerRoutes } from './routes/power.ts';
import { snapshotRoutes } from './routes/snapshots.ts';
import { storageRoutes } from './routes/storage.ts';
import { taskRoutes } from './routes/tasks.ts';
import type { Handler, Routes } from './call.ts';
import type { Endpoint } from './schema/schema.ts';

const all: Routes = {
  ...accessRoutes,
  ...agentRoutes,
  ...clusterRoutes,
  ...diskRoutes,
  ...guestRoutes,
  ...haRoutes,
  ...haGroupRoutes,
  ...haRuleRoutes,
  ...imageRoutes,
  ...migrationRoutes,
  ...poolRoutes,
  ...powerRoutes,
  ...snapshotRoutes,
  ...storageRoutes,
  ...taskRoutes,
};

interface Branch {
  readonly literal: Map<string, Branch>;
  placeholder: { readonly name: string; readonly branch: Branch } | undefined;
  readonly methods: Map<string, Omit<Route, 'pathParams'>>;
}

export interface Route {
  /** `METHOD /path/{placeholder}` */
  readonly key: string;
  readonly handler: Handler;
  readonly endpoint: Endpoint;
  readonly pathParams: Readonly<Record<string, string>>;
}

const branch = (): Branch => ({ literal: new Map(), placeholder: undefined, methods: new Map() });

const segments = (path: string): readonly string[] => path.split('/').filter((part) => part !== '');

function grow(): Branch {
  const root = branch();
  for (const [key, handler] of Object.entries(all)) {
    const [method = '', path = ''] = key.split(' ');
    const endpoint = endpoints.get(key);
    if (!endpoint) throw new Error(`endpoints.json has no parameters for ${key}`);
    let at = root;
    for (const part of segments(path)) {
      const name = /^\{(\w+)\}$/.exec(part)?.[1];
      if (name !== undefined) {
        at.placeholder ??= { name, branch: branch() };
        at = at.placeholder.branch;
      } else {
        const next = at.literal.get(part) ?? branch();
        at.literal.set(part, next);
        at = next;
      }
    }
    at.methods.set(method, { key, handler, endpoint });
  }
  return root;
}

const root = grow();

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The name of a volume may have slashes, escaped or not. */
function partsOf(path: string): readonly string[] {
  const parts = segments(path);
  const isVolume = parts[0] === 'nodes' && parts[2] === 'storage' && parts[4] === 'content';
  return isVolume && parts.length > 6 ? [...parts.slice(0, 5), parts.slice(5).join('/')] : parts;
}

/** The handler of a request; undefined for paths and methods that are not served. */
export function route(method: string, path: string): Route | undefined {
  let at = root;
  const pathParams: Record<string, string> = {};
  for (const part of partsOf(path)) {
    const literal = at.literal.get(part);
    if (literal) {
      at = literal;
    } else if (at.placeholder) {
      pathParams[at.placeholder.name] = decode(part);
      at = at.placeholder.branch;
    } else {
      return undefined;
    }
  }
  const found = at.methods.get(method);
  return found && { ...found, pathParams };
}

/** `METHOD /path/{placeholder}` of all endpoints that are served. */
export const servedEndpoints: readonly string[] = Object.keys(all);
