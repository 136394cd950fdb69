/** YAML for cloud-init, which reads YAML 1.1, where `yes`, `1e3` and the MAC address 52:54:00:12:34:56 are not strings. */
import { isAlias, isScalar, Lexer, parse, Scalar, stringify, visit, type Document } from 'yaml';
import { composeDocument, type FirstError } from './first-error.ts';
import type { Result } from '../lib/result.ts';

/** Each becomes a node or an error, of about a kibibyte. Block scalars, such as files in a cloud-config, are one. */
const MAX_TOKENS = 200_000;

function hasTooManyTokens(text: string): boolean {
  let tokens = 0;
  for (const _token of new Lexer().lex(text)) if ((tokens += 1) > MAX_TOKENS) return true;
  return false;
}

/**
 * Parses a document without interpreting plain values, so that they are printed unchanged: `0644` stays `0644`.
 * A problem contains the line number, never the content.
 */
export function parseYaml(text: string): Result<Document> {
  if (hasTooManyTokens(text)) return { problem: 'it has more than 200,000 values, signs and line ends' };
  // cloud-init accepts duplicate keys and uses the last one.
  const composed = composeDocument(text, {
    schema: 'failsafe',
    customTags: ['null'],
    uniqueKeys: false,
    resolveKnownTags: false,
  });
  if ('error' in composed) return { problem: problemOf(text, composed.error) };
  const { document } = composed;
  const offset = unresolvedAlias(document);
  return offset === undefined
    ? { value: document }
    : { problem: `line ${lineAt(text, offset)} refers to a YAML anchor that is not defined before it` };
}

const problemOf = (text: string, { code, offset }: FirstError): string =>
  code === 'RESOURCE_EXHAUSTION'
    ? 'it is nested too deeply'
    : `it is not valid YAML at line ${lineAt(text, offset)} (${code})`;

const lineAt = (text: string, offset: number): number =>
  text.slice(0, Math.max(offset, 0)).split('\n').length;

function unresolvedAlias(document: Document): number | undefined {
  const anchors = new Set<string>();
  let offset: number | undefined;
  visit(document, {
    Node: (_key, node) => {
      if (isAlias(node)) {
        if (anchors.has(node.source)) return undefined;
        offset = node.range?.[0] ?? 0;
        return visit.BREAK;
      }
      if (node.anchor !== undefined) anchors.add(node.anchor);
      return undefined;
    },
  });
  return offset;
}

/** Whether the node is missing, `~` or `null`. */
export const isEmpty = (node: unknown): boolean => node == null || (isScalar(node) && node.value === null);

/** What begins or ends a plain text in one line, or makes another node of it. */
const NOT_PLAIN = /^(?:\s|[[\]{},&*!|>'"%@`#]|(?:[-?:]|---|\.\.\.)(?:\s|$))|:(?:\s|$)|\s#|[\r\n]/;

/** Whether the text stands for a single value where it is written without quotes. */
export const isPlainScalar = (text: string): boolean => text !== '' && !NOT_PLAIN.test(text);

/** Whether the text is read as itself where it is written without quotes: it is no number, for example. */
export function isPlainYaml(text: string): boolean {
  // Nothing else is parsed: collections may take very long.
  if (!isPlainScalar(text)) return false;
  try {
    return parse(text, { version: '1.1' }) === text;
  } catch {
    return false;
  }
}

/** Prints strings in double quotes, so that every YAML version reads them as strings. Numbers and booleans are not quoted. */
export const printYaml = (value: unknown): string =>
  stringify(value, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', lineWidth: 0 });

/** A node for a string in double quotes. */
export function quoted(text: string): Scalar<string> {
  const scalar = new Scalar(text);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}
