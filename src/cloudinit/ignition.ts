/** Ignition configurations. The text is delivered unchanged; only its version field is checked. Pure. */
import { z } from 'zod';
import type { Result } from '../lib/result.ts';

export interface Ignition {
  readonly version: string;
}

const Config = z.object({ ignition: z.object({ version: z.string().min(1) }) });

/** Whether it is JSON with `ignition`. */
export function isIgnition(text: string): boolean {
  const value = text.trimStart().startsWith('{') ? parsed(text) : undefined;
  return typeof value === 'object' && value !== null && 'ignition' in value;
}

/** A problem never quotes the content. */
export function readIgnition(text: string): Result<Ignition> {
  const { data } = Config.safeParse(parsed(text));
  return data
    ? { value: { version: data.ignition.version } }
    : {
        problem: `The Ignition configuration is not JSON with ignition.version. ${helpFor(text)}`,
      };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function helpFor(text: string): string {
  if (/^\s*#/.test(text))
    return 'If it is for another program, such as cloud-init, put it into spec.userData.cloudInit.';
  return /^variant:/m.test(text)
    ? 'It is a Butane file: convert it with butane first.'
    : 'Convert a Butane file with butane first.';
}
