import { appendFileSync, writeFileSync } from 'node:fs';
import type { Values } from './schema/verify.ts';

export interface LoggedRequest {
  readonly method: string;
  /** After /api2/json, without the query. */
  readonly path: string;
  /** Query and body together, as they were sent. */
  readonly params: Values;
  /** The version of PVE that it was sent to: of its node, or of the one that answers. */
  readonly pve: string;
  readonly status: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Logs requests in memory, and to a file as lines of JSON if one is given. */
export class RequestLog {
  readonly requests: LoggedRequest[] = [];
  private readonly file: string | undefined;

  constructor(file: string | undefined) {
    this.file = file;
    if (file !== undefined) writeFileSync(file, '');
  }

  /** A request that was refused before its body was read is only logged in memory: its line would lack the parameters. */
  add(request: LoggedRequest, body: 'read' | 'unread'): void {
    this.requests.push(request);
    if (this.file === undefined || body === 'unread') return;
    const { method, path, params, pve } = request;
    appendFileSync(this.file, `${JSON.stringify({ method, path, params, pve })}\n`);
  }
}
