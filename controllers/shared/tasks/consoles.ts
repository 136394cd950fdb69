/** Tasks that do not change the guest that they run on. Pure. */

/** An open console. */
const CONSOLES = new Set(['vncproxy', 'vncshell', 'spiceproxy', 'spiceshell', 'termproxy']);

export const isConsole = ({ type }: { readonly type: string }): boolean => CONSOLES.has(type);
