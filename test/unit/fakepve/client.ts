/** Talks to a fake as any HTTP client would, and keeps the status line that PVE puts its reasons into. */
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { instant, startFakePve } from '../../fakepve/index.ts';
import type { FakePve, FakePveOptions } from '../../fakepve/index.ts';

export interface Reply {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly data: unknown;
  readonly errors: Readonly<Record<string, string>>;
}

/** The parts of answers that tests read: configurations, states, rows. */
export interface Shown {
  readonly avail?: number;
  readonly cipassword?: string;
  readonly cores?: number;
  readonly description?: string;
  readonly digest?: string;
  readonly hasFeature?: number;
  readonly id?: string;
  readonly lock?: string;
  readonly memory?: string;
  readonly name?: string;
  readonly net0?: string;
  readonly node?: string;
  readonly scsi0?: string;
  readonly smbios1?: string;
  readonly status?: string;
  readonly tags?: string;
  readonly template?: number;
  readonly vmgenid?: string;
  readonly vmid?: number;
  readonly vmstate?: string;
}

type Params = Readonly<Record<string, string | number | readonly string[]>>;

export interface Sending {
  /** An Authorization header; empty: none. Default: the announced token. */
  readonly authorization?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const encode = (params: Params): string =>
  Object.entries(params)
    .flatMap(([key, value]) => [value].flat().map((one) => `${key}=${encodeURIComponent(String(one))}`))
    .join('&');

async function readReply(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const parsed = (text.startsWith('{') ? JSON.parse(text) : {}) as Partial<Reply>;
  const { statusCode: status = 0, statusMessage: reason = '', headers } = response;
  return { status, reason, headers, text, data: parsed.data, errors: parsed.errors ?? {} };
}

export class Client {
  readonly fake: FakePve;

  constructor(fake: FakePve) {
    this.fake = fake;
  }

  private headers(body: Sending['body'], sending: Sending): Record<string, string> {
    const authorization = sending.authorization ?? `PVEAPIToken=${this.fake.token}`;
    const chunked = sending.headers?.['transfer-encoding'] !== undefined;
    const length = body === undefined || chunked ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    return {
      ...(authorization === '' ? {} : { authorization }),
      ...(body === undefined ? {} : form),
      ...length,
      ...sending.headers,
    };
  }

  async send(method: string, path: string, params: Params = {}, sending: Sending = {}): Promise<Reply> {
    const inBody = method === 'POST' || method === 'PUT';
    const form = encode(params);
    const body = sending.body ?? (inBody ? form : undefined);
    const url = `${this.fake.url}/api2/json${path}${!inBody && form !== '' ? `?${form}` : ''}`;
    const options = { method, headers: this.headers(body, sending), ca: this.fake.ca, agent: false as const };
    return new Promise((resolve, reject) => {
      const sent = request(url, options, (response) => {
        readReply(response).then(resolve, reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  async get(path: string, params: Params = {}): Promise<Shown> {
    return (await this.send('GET', path, params)).data as Shown;
  }

  async list<Row = Shown>(path: string, params: Params = {}): Promise<readonly Row[]> {
    return (await this.send('GET', path, params)).data as readonly Row[];
  }

  /** How the task that a request starts ends; the refusal if it starts none. */
  async run(method: string, path: string, params: Params = {}): Promise<string> {
    const reply = await this.send(method, path, params);
    if (typeof reply.data !== 'string' || !reply.data.startsWith('UPID:'))
      return reply.status === 200 ? 'no task' : reply.reason;
    return (await this.fake.state.tasks.ended(reply.data))?.exitstatus ?? 'unknown task';
  }
}

/** One node, two directories, nothing else; everything happens at once unless the test says otherwise. */
export async function withFake(
  options: FakePveOptions,
  test: (client: Client, fake: FakePve) => Promise<void>,
): Promise<void> {
  const fake = await startFakePve({ cluster: 'recordings', latency: instant, ...options });
  try {
    await test(new Client(fake), fake);
  } finally {
    await fake.close();
  }
}
