/** Which build this is. */

/** Filled in by the bundle; run from its sources the program is a development build. */
declare const VIRTRIGAUD_VERSION: string | undefined;
declare const VIRTRIGAUD_COMMIT: string | undefined;

export const build = {
  version: typeof VIRTRIGAUD_VERSION === 'undefined' ? 'dev' : VIRTRIGAUD_VERSION,
  commit: typeof VIRTRIGAUD_COMMIT === 'undefined' ? 'unknown' : VIRTRIGAUD_COMMIT,
};
