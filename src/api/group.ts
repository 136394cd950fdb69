/** Names that every kind shares. */
export const GROUP = 'infra.virtrigaud.io';
export const VERSION = 'v1beta1';
export const API_VERSION = `${GROUP}/${VERSION}`;
