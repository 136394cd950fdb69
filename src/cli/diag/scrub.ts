/** Removes from a text what was removed from a spec. Pure. */
import { z } from 'zod';
import { part } from '../cluster/objects.ts';
import { REMOVED } from './redact.ts';

/** A shorter word says nothing, and would tear every message apart. */
const SHORTEST = 4;
/** As many characters of a removed text as are recognized anywhere, also where it was cut. */
const RUN = 8;

/** What stands between words: spaces, and what YAML, JSON and shells put around values. */
const BETWEEN = /[\s"'`,;:=(){}[\]<>|]+/u;

/**
 * @returns what takes out of a text every run of eight characters of the removed texts, and every word of at least four
 */
export function scrubber(removed: readonly string[]): (text: string) => string {
  const texts = removed.flatMap((text) => [text, oneLine(text), decoded(text), oneLine(decoded(text))]);
  const runs = new Set(texts.flatMap((text) => runsOf(text)));
  const words = new Set(texts.flatMap((text) => text.split(BETWEEN)).filter(isShortWord));
  return (text) => without(text, (at) => lengthAt(text, at, runs, words));
}

/** Messages are one line. */
const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

const isShortWord = ({ length }: string): boolean => length >= SHORTEST && length < RUN;

const runsOf = (text: string): readonly string[] =>
  Array.from({ length: Math.max(0, text.length - RUN + 1) }, (_, at) => text.slice(at, at + RUN));

/** How many characters from there are to be removed. */
function lengthAt(text: string, at: number, runs: ReadonlySet<string>, words: ReadonlySet<string>): number {
  if (runs.has(text.slice(at, at + RUN))) return RUN;
  if (isInWord(text.charAt(at - 1))) return 0;
  for (let length = RUN - 1; length >= SHORTEST; length -= 1)
    if (words.has(text.slice(at, at + length)) && !isInWord(text.charAt(at + length))) return length;
  return 0;
}

/** A short word counts where it stands alone: `cpus` is not removed from `vcpus`. */
const isInWord = (character: string): boolean => /[\p{L}\p{N}]/u.test(character);

function without(text: string, remove: (at: number) => number): string {
  let kept = '';
  let removedTo = 0;
  for (let at = 0; at < text.length; at += 1) {
    const length = remove(at);
    if (length > 0 && at >= removedTo) kept += REMOVED;
    removedTo = Math.max(removedTo, at + length);
    if (at >= removedTo) kept += text.charAt(at);
  }
  return kept;
}

/** User-data may be Base64, and a message about it has what it says. */
function decoded(text: string): string {
  const compact = text.replaceAll(/\s/g, '');
  return /^[A-Za-z0-9+/]{8,}={0,2}$/.test(compact) ? Buffer.from(compact, 'base64').toString('utf8') : '';
}

const Members = z.record(z.string(), z.unknown());
const Items = z.array(z.unknown());

/** Texts that people wrote or that quote others. */
const PROSE = new Set([...['message', 'note', 'plan', 'cloneTypeReason', 'fullCloneReason', 'progress']]);

/**
 * The description of a VM in Proxmox VE, where a message says how it changes: anybody may have written it there. What
 * follows it in the message goes, too, because a long one is cut, and nothing says where it ends.
 */
const DESCRIPTION = /\bdescription (?:"|\(not set\) → ").*$/s;

/** The prose in a value, scrubbed; what is in a list belongs to its key. */
export function scrubProse(value: unknown, scrub: (text: string) => string, key = ''): unknown {
  if (typeof value === 'string')
    return PROSE.has(key) ? scrub(value.replace(DESCRIPTION, `description ${REMOVED}`)) : value;
  const items = part(Items, value);
  if (items) return items.map((item) => scrubProse(item, scrub, key));
  const members = part(Members, value);
  if (!members) return value;
  return Object.fromEntries(
    Object.entries(members).map(([name, member]) => [name, scrubProse(member, scrub, name)]),
  );
}
