/** Logs: one JSON object a line on stdout, or text for people. Names of fields are in the table below and nowhere else. */
import { pino, stdSerializers, type DestinationStream, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'json' | 'text';
  /** Absent: stdout. */
  readonly destination?: DestinationStream;
}

/** Members with these names never reach a log, at the top of an entry or one or two levels into it. */
const SECRET_NAMES = [
  'authorization',
  'Authorization',
  'cookie',
  'cipassword',
  'password',
  'token',
  'tokenSecret',
  'token_secret',
  'ticket',
  'CSRFPreventionToken',
  'PVE_TOKEN_SECRET',
  'PVE_PASSWORD',
  'userData',
  'user-data',
  'sshkeys',
  'values',
  'stringData',
] as const;

const paths = SECRET_NAMES.flatMap((name) => ['', '*', '*.*'].map((above) => `${above}["${name}"]`));

export function createLogger({ level, format, destination }: LogOptions): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: errorWithoutBody },
    redact: { paths, censor: '[redacted]' },
  };
  if (format === 'json') return destination ? pino(options, destination) : pino(options);
  const pretty = prettyFactory({ colorize: process.stdout.isTTY, translateTime: 'SYS:HH:MM:ss.l' });
  const out = destination ?? process.stdout;
  return pino(options, { write: (line: string) => void out.write(pretty(line)) });
}

/** What another server answered: where in this program it was read explains nothing. */
const ANSWERS = new Set(['KubeError', 'PveError']);

const errorWithoutBody = (error: Error): object => {
  const { type, message, stack } = stdSerializers.err(error);
  return ANSWERS.has(error.name) ? { type, message } : { type, message, stack };
};
