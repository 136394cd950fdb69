/** Commands that run in the guest at turns of its life. */
import { z } from 'zod';
import { list, rule, text } from './schema.ts';

const command = rule(list(text(4096), 64), {
  cel: 'size(self) > 0',
  message: 'must name a program',
  holds: (words) => words.length > 0,
});

export const hook = z.object({
  exec: z
    .object({
      command: command.describe('Program and arguments, without a shell. Its output is not kept.'),
    })
    .describe('A command that the guest agent runs.'),
});

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
