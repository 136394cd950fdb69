/** Which build this is. */

/** Filled in by the bundle. */
declare const VIRTRIGAUD_VERSION: string | undefined;
declare const VIRTRIGAUD_COMMIT: string | undefined;

export const build = {
  version: typeof VIRTRIGAUD_VERSION === 'undefined' ? 'development' : VIRTRIGAUD_VERSION,
  commit: typeof VIRTRIGAUD_COMMIT === 'undefined' ? 'run from its sources' : VIRTRIGAUD_COMMIT,
};
