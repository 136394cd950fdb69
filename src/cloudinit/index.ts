/**
 * cloud-init data for a guest: host name, SSH keys, addresses and user-data. A library without policy: callers decide
 * when data is delivered. Pure, except for `reading/`, which parses long texts in worker threads.
 *
 * `Native` sets configuration keys from which PVE builds its cloud-init drive. PVE's API accepts no other user-data.
 * For anything else, `Image` builds an image, to be uploaded and attached as a CD-ROM: NoCloud, or a config drive.
 */
export type { CloudInitInput, CloudInitNic, InheritedLogin, Resolver } from './input.ts';
export { requiredMode, unsetNativeKeys, nativeKeys } from './native.ts';
export { cloudInitImage, imageContent, imageName, noCloudFiles } from './image.ts';
export type { ImageLayout } from './image.ts';
export { ipConfig } from './network.ts';
export { MAX_SSH_KEYS } from './ssh-keys.ts';
export { resolverIn } from './resolver.ts';
export { ignitionIn, loginDefinedBy } from './user-data.ts';
export type { Documents } from './documents.ts';
export { createDocumentReader, type ReadDocuments } from './reading/reader.ts';
