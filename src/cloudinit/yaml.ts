/** YAML as cloud-init needs it. cloud-init reads YAML 1.1, where `yes`, `1e3` or the MAC 52:54:00:12:34:56 are no texts. */
import { isAlias, isScalar, parseDocument, Scalar, stringify, visit, type Document } from 'yaml';
import type { Result } from '../lib/result.ts';

/**
 * Reads a document without giving plain values a type, so that each is written back as it was: `0644` stays `0644`.
 * A problem names the line, never the content.
 */
export function parseYaml(text: string): Result<Document> {
  // A repeated key is legal for cloud-init: the last one counts.
  const document = parseDocument(text, {
    schema: 'failsafe',
    customTags: ['null'],
    uniqueKeys: false,
    resolveKnownTags: false,
  });
  const [error] = document.errors;
  if (error) {
    const line = error.linePos?.[0].line ?? 1;
    return { problem: `it is not valid YAML at line ${line} (${error.code})` };
  }
  const lost = unresolvedAlias(document);
  if (lost !== undefined) {
    const line = text.slice(0, lost).split('\n').length;
    return { problem: `line ${line} refers to a YAML anchor that is not defined before it` };
  }
  return { value: document };
}

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

/** Whether nothing is there, or only `~` or `null`. */
export const isEmpty = (node: unknown): boolean => node == null || (isScalar(node) && node.value === null);

/** Every value in double quotes: a reader of any YAML version takes it for the text it is. Numbers and booleans stay bare. */
export const printYaml = (value: unknown): string =>
  stringify(value, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', lineWidth: 0 });

/** A text in double quotes, as a node. */
export function quoted(text: string): Scalar<string> {
  const scalar = new Scalar(text);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}
