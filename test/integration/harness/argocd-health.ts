/** What our health check for Argo CD says of objects, run as Argo CD runs it. */
import { join } from 'node:path';
import { z } from 'zod';
import { type Judge, judgeProgram } from './go-program.ts';

const SCRIPT = join(import.meta.dirname, '../../../deploy/argocd/health.lua');

const Answer = z.object({
  status: z.enum(['Healthy', 'Progressing', 'Degraded', 'Suspended']),
  message: z.string(),
});
export type Health = z.output<typeof Answer>;

export const argocdHealthProgram = (): Promise<Judge<Health>> =>
  judgeProgram('argocd-health', Answer, [SCRIPT]);
