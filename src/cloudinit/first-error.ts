/**
 * Composes a YAML document up to its first error. A text may have hundreds of thousands of errors, for each of which the
 * library makes an object of about a kibibyte.
 */
import { Composer, Parser, type Document, type ErrorCode } from 'yaml';
import type { DocumentOptions, ParseOptions, SchemaOptions } from 'yaml';

export interface FirstError {
  readonly code: ErrorCode;
  readonly offset: number;
}

export type Composed = { readonly document: Document } | { readonly error: FirstError };

type Source = number | readonly number[] | { readonly offset: number };

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
    // eslint-disable-next-line no-restricted-syntax -- the library goes on otherwise
    throw new Error('stopped at the first error');
  };
  // The library only collects errors: an error within a document can be seen neither between two tokens nor in an option.
  // If another version has no such member, all errors are found, and the first is reported.
  Object.assign(composer, { onError });
  try {
    return compose(composer, text);
  } catch {
    // Without an error of the text, the stack did not suffice.
    return { error: first ?? { code: 'RESOURCE_EXHAUSTION', offset: 0 } };
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
  return { error: { code: 'IMPOSSIBLE', offset: 0 } };
}

function offsetOf(source: Source): number {
  if (typeof source === 'number') return source;
  return 'offset' in source ? source.offset : (source[0] ?? 0);
}
