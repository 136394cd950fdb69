/** Ignition: its configuration is handed over as it is, and judged no further than to be one. */
import { z } from 'zod';
import type { Result } from '../lib/result.ts';

const Config = z.object({ ignition: z.object({ version: z.string().min(1) }) });

/** The text unchanged. A problem never names what stands in it. */
export function readIgnition(text: string): Result<string> {
  try {
    return Config.safeParse(JSON.parse(text)).success ? { value: text } : problem;
  } catch {
    return problem;
  }
}

const problem = {
  problem:
    'The Ignition configuration is not JSON with ignition.version: translate a Butane file with butane first.',
};
