/** Hooks and probes: commands and HTTP requests that run in the guest. */
import { z } from 'zod';
import { seconds } from '../lib/units.ts';
import { DEFAULTS } from './defaults.ts';
import { duration, list, rule, text, word } from './schema.ts';

const command = rule(list(text(4096), 64), {
  cel: 'size(self) > 0',
  message: 'must contain a program',
  holds: (words) => words.length > 0,
});

const exec = z
  .object({
    command: command.describe(
      'Program and its arguments. It is not run in a shell, and its output is discarded.',
    ),
  })
  .describe('Command that the guest agent runs.');

const httpGet = z
  .object({
    port: z.int32().min(1).max(65_535).describe('Port that the guest listens on.'),
    path: word(/^\/[!-~]*$/, 1024, 'must start with a slash and contain no spaces')
      .optional()
      .describe('Path to request, with an optional query; absent: /.'),
    scheme: z
      .enum(['HTTP', 'HTTPS'])
      .optional()
      .describe(
        'Scheme of the request; absent: HTTP. With HTTPS the certificate is not verified, because the guest connects to itself.',
      ),
  })
  .describe(
    'HTTP GET request that the guest sends to itself. It needs curl in the guest. A status code below 400 is a success.',
  );

const action = { exec: exec.optional(), httpGet: httpGet.optional() };

const oneOf = <S extends z.ZodType<{ exec?: unknown; httpGet?: unknown }>>(schema: S): S =>
  rule(schema, {
    cel: 'has(self.exec) != has(self.httpGet)',
    message: 'must have exactly one of exec and httpGet',
    holds: (value) => (value.exec === undefined) !== (value.httpGet === undefined),
  });

export const hook = oneOf(z.object(action));
export type Hook = z.output<typeof hook>;

const { period, timeout, failureThreshold } = DEFAULTS.readinessProbe;
const LEAST = seconds(2);
const atLeast = rule(duration, {
  cel: `duration(self) >= duration('2s')`,
  message: 'must be at least 2s',
  holds: (value) => value >= LEAST,
});

export const readinessProbe = oneOf(
  z.object({
    ...action,
    initialDelay: duration
      .optional()
      .describe('Time between the start of the VM and the first probe; absent: none.'),
    period: atLeast.optional().describe(`Time between two probes, at least 2s; absent: ${period / 1000}s.`),
    timeout: atLeast
      .optional()
      .describe(`Time after which the probe counts as failed, at least 2s; absent: ${timeout / 1000}s.`),
    failureThreshold: z
      .int32()
      .min(1)
      .max(100)
      .optional()
      .describe(
        `Number of consecutive failures after which a VM that was ready is not ready; absent: ${failureThreshold}.`,
      ),
  }),
);

export const hookStatus = z.object({
  name: z.enum(['postStart', 'preStop']).describe('Name of the hook.'),
  state: z
    .enum(['Due', 'Running', 'Succeeded', 'Failed'])
    .describe('State of the hook. Due: it runs as soon as the guest agent answers.'),
  since: z
    .string()
    .max(40)
    .meta({ format: 'date-time' })
    .describe('Time since which the hook is due or runs.'),
  pid: z.int().min(0).optional().describe('ID of the process in the guest.'),
  exitCode: z.int32().optional().describe('Exit code of the command.'),
  generation: z.int().min(0).describe('Generation of the object for which the hook ran.'),
});
