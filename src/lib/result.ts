/** What a parser found: the value, or a sentence that says why there is none. */
export type Result<T> = { readonly value: T } | { readonly problem: string };
