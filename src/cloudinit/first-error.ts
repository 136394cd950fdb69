/**
 * Composes a YAML document up to its first error. A text may have hundreds of thousands of errors, for each of which the
 * library makes an object of about a kibibyte. Pure.
 */
import { Composer, Parser, type Document, type ErrorCode } from 'yaml';
import type { DocumentOptions, ParseOptions, SchemaOptions } from 'yaml';

export interface FirstError {
  readonly code: ErrorCode;
  readonly offset: number;
}

export type Composed = { readonly document: Document } | { readonly error: FirstError };

type Source = number | readonly number[] | { readonly offset: number };

class Stopped extends Error {}

export function composeDocument(
  text: string,
  options: ParseOptions & DocumentOptions & SchemaOptions,
): Composed {
  const composer = new Composer(options);
  let first: FirstError | undefined;
  const onError = (source: Source, code: ErrorCode, _message: string, isWarning = false): void => {
    if (isWarning) return;
    // The library catches what is thrown within a collection, and reports it as another error.
    first ??= { code, offset: offsetOf(source) };
    throw new Stopped();
  };
  // The library only collects errors: an error within a document can be seen neither between two tokens nor in an option.
  // If another version has no such member, all errors are found, and the first is reported.
  Object.assign(composer, { onError });
  try {
    return compose(composer, text);
  } catch (error) {
    if (first && error instanceof Stopped) return { error: first };
    throw error;
  }
}

function compose(composer: Composer, text: string): Composed {
  for (const token of new Parser().parse(text)) {
    if (token.type === 'error') return { error: { code: 'UNEXPECTED_TOKEN', offset: token.offset } };
    // A document is complete when the next one begins.
    for (const _document of composer.next(token))
      return { error: { code: 'MULTIPLE_DOCS', offset: token.offset } };
  }
  for (const document of composer.end(true, text.length)) {
    const [error] = document.errors;
    return error ? { error: { code: error.code, offset: error.pos[0] } } : { document };
  }
  throw new Error('The composer gave no document.');
}

function offsetOf(source: Source): number {
  if (typeof source === 'number') return source;
  return 'offset' in source ? source.offset : (source[0] ?? 0);
}
