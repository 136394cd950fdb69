/** Ignition configurations. The text is delivered unchanged; only its version field is checked. */
import { z } from 'zod';
import type { Result } from '../lib/result.ts';

const Config = z.object({ ignition: z.object({ version: z.string().min(1) }) });

/** Returns the text unchanged. A problem never quotes the content. */
export function readIgnition(text: string): Result<string> {
  try {
    return Config.safeParse(JSON.parse(text)).success ? { value: text } : problem;
  } catch {
    return problem;
  }
}

const problem = {
  problem:
    'The Ignition configuration is not JSON with ignition.version. Convert a Butane file with butane first.',
};
