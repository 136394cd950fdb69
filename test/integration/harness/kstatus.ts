/** What the kstatus library says of objects: it decides when Flux, Argo CD and others consider an object settled. */
import { z } from 'zod';
import { type Judge, judgeProgram } from './go-program.ts';

const Answer = z.object({
  status: z.enum(['InProgress', 'Failed', 'Current', 'Terminating', 'NotFound', 'Unknown']),
  message: z.string(),
});
export type KStatus = z.output<typeof Answer>;

export const kstatusProgram = (): Promise<Judge<KStatus>> => judgeProgram('kstatus', Answer);
