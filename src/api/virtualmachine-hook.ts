/** Commands that run in the guest at turns of its life. */
import { z } from 'zod';
import { seconds } from '../lib/units.ts';
import { DEFAULTS } from './defaults.ts';
import { duration, list, rule, text, word } from './schema.ts';

const command = rule(list(text(4096), 64), {
  cel: 'size(self) > 0',
  message: 'must name a program',
  holds: (words) => words.length > 0,
});

const exec = z
  .object({
    command: command.describe('Program and arguments, without a shell. Its output is not kept.'),
  })
  .describe('A command that the guest agent runs.');

const httpGet = z
  .object({
    port: z.int32().min(1).max(65_535).describe('Port that the guest listens on.'),
    path: word(/^\/[!-~]*$/, 1024, 'must begin with a slash, and have no blanks')
      .optional()
      .describe('Path, with a query if need be; absent: /.'),
    scheme: z
      .enum(['HTTP', 'HTTPS'])
      .optional()
      .describe('Absent: HTTP. With HTTPS the certificate is not checked: the guest speaks to itself.'),
  })
  .describe(
    'A request that the guest makes to itself, with the curl that is installed in it; an answer below 400 is a success.',
  );

const action = { exec: exec.optional(), httpGet: httpGet.optional() };

const oneOf = <S extends z.ZodType<{ exec?: unknown; httpGet?: unknown }>>(schema: S): S =>
  rule(schema, {
    cel: 'has(self.exec) != has(self.httpGet)',
    message: 'give exec or httpGet, and not both',
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
      .describe(
        'How long after the start of the VM the first probe is made; absent: as soon as the VM runs.',
      ),
    period: atLeast.optional().describe(`Time between two probes, at least 2s; absent: ${period / 1000}s.`),
    timeout: atLeast
      .optional()
      .describe(`How long the command may take, at least 2s; absent: ${timeout / 1000}s.`),
    failureThreshold: z
      .int32()
      .min(1)
      .max(100)
      .optional()
      .describe(
        `How often in a row it must fail before a VM that was ready is not; absent: ${failureThreshold}.`,
      ),
  }),
);

export const hookStatus = z.object({
  name: z.enum(['postStart', 'preStop']).describe('Which hook.'),
  state: z
    .enum(['Due', 'Running', 'Succeeded', 'Failed'])
    .describe('Due: it runs as soon as the guest agent answers.'),
  since: z.string().max(40).meta({ format: 'date-time' }).describe('Since when it is due, or runs.'),
  pid: z.int().min(0).optional().describe('Process in the guest.'),
  exitCode: z.int32().optional().describe('What the command returned.'),
  generation: z.int().min(0).describe('Generation of the object that it ran for.'),
});
