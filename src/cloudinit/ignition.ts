/** Ignition configurations. The text is delivered unchanged; only its version field is checked. */
import { z } from 'zod';
import { remembering } from '../lib/memo.ts';
import type { Result } from '../lib/result.ts';

const Config = z.object({ ignition: z.object({ version: z.string().min(1) }) });

/** How far a text is an Ignition configuration. A text is parsed once, however often that is asked. */
const formOf = remembering(
  (text: string): { readonly named: boolean; readonly valid: boolean } => {
    try {
      const value: unknown = JSON.parse(text);
      return {
        named: typeof value === 'object' && value !== null && 'ignition' in value,
        valid: Config.safeParse(value).success,
      };
    } catch {
      return { named: false, valid: false };
    }
  },
  (text) => text,
);

/** Whether it is JSON with `ignition`. */
export const isIgnition = (text: string): boolean => text.trimStart().startsWith('{') && formOf(text).named;

/** Returns the text unchanged. A problem never quotes the content. */
export const readIgnition = (text: string): Result<string> =>
  formOf(text).valid ? { value: text } : problemWith(text);

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
