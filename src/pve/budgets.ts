/**
 * How much of an answer is read, so that a server cannot take the memory or the time of the operator. Each is several
 * times what the largest clusters have; what goes beyond is refused as a whole.
 */
import { MiB } from '../lib/units.ts';
import type { Endpoint } from './endpoint.ts';

const KiB = 1024;

export interface Budget {
  /** Of the body. */
  readonly bytes: number;
  /** Entries of a list; of any other answer, all values in it. */
  readonly rows: number;
  /** Entries by their type, where some cost more than others. */
  readonly rowsOf?: Readonly<Record<string, number>> | undefined;
}

/** An answer about one object is parsed at once, which takes milliseconds for this size. */
const ONE_OBJECT: Budget = { bytes: 256 * KiB, rows: 4096 };

const BY_ENDPOINT: Readonly<Record<string, Budget>> = {
  // Ten thousand guests have 5 to 6 MiB. Placement compares nodes with storages.
  'GET /cluster/resources': {
    bytes: 16 * MiB,
    rows: 40_000,
    rowsOf: { node: 128, storage: 8192, qemu: 24_000, lxc: 24_000 },
  },
  // The running tasks, and the last ones of each node.
  'GET /cluster/tasks': { bytes: 4 * MiB, rows: 8192 },
  'GET /nodes/{node}/tasks': { bytes: 2 * MiB, rows: 4096 },
  // A line a second of a move that takes half a day.
  'GET /nodes/{node}/tasks/{upid}/log': { bytes: 8 * MiB, rows: 65_536 },
  // Images, snippets or backups of thousands of guests.
  'GET /nodes/{node}/storage/{storage}/content': { bytes: 16 * MiB, rows: 50_000 },
  'GET /cluster/status': { bytes: 256 * KiB, rows: 8192 },
  // Thousands of guests that HA manages, and rules over them.
  'GET /cluster/ha/resources': { bytes: 2 * MiB, rows: 24_000 },
  'GET /cluster/ha/rules': { bytes: 4 * MiB, rows: 8192 },
  // Each zone has a vnet on every node.
  'GET /nodes/{node}/network': { bytes: 2 * MiB, rows: 8192 },
  'GET /nodes/{node}/qemu/{vmid}/pending': { bytes: MiB, rows: 4096 },
  // Each member of a pool has a path with about forty privileges.
  'GET /access/permissions': { bytes: 8 * MiB, rows: 24_000 },
  // The guest decides how many interfaces it has: each container on it may add one.
  'GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces': { bytes: MiB, rows: 32_768 },
  // It contains what the program printed, as one text that is not looked at.
  'GET /nodes/{node}/qemu/{vmid}/agent/exec-status': { bytes: 4 * MiB, rows: 64 },
};

export const budgetOf = ({ method, path }: Pick<Endpoint, 'method' | 'path'>): Budget =>
  BY_ENDPOINT[`${method} ${path}`] ?? ONE_OBJECT;

/** Of an answer without success only the beginning is read: it is a message, or the page of some web server. */
export const MAX_ERROR_BYTES = 64 * KiB;
