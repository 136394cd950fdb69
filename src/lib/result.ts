/** The result of a parser: the value, or a message that says why there is none. */
export type Result<T> = { readonly value: T } | { readonly problem: string };
