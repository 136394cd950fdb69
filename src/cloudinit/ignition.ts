/** Ignition configurations. The text is delivered unchanged; only its version field is checked. */
import { z } from 'zod';
import type { Result } from '../lib/result.ts';

const Config = z.object({ ignition: z.object({ version: z.string().min(1) }) });

/** Returns the text unchanged. A problem never quotes the content. */
export function readIgnition(text: string): Result<string> {
  try {
    return Config.safeParse(JSON.parse(text)).success ? { value: text } : problemWith(text);
  } catch {
    return problemWith(text);
  }
}

const problemWith = (text: string): { readonly problem: string } => ({
  problem: `The Ignition configuration is not JSON with ignition.version. ${helpFor(text)}`,
});

function helpFor(text: string): string {
  if (/^\s*#/.test(text))
    return 'If it is for another program, such as cloud-init, put it into spec.userData.cloudInit.';
  return /^variant:/m.test(text)
    ? 'It is a Butane file: convert it with butane first.'
    : 'Convert a Butane file with butane first.';
}
