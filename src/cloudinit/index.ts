/**
 * cloud-init: how a guest learns its name, keys, addresses and the user's wishes. Pure.
 *
 * `Native` writes keys from which PVE makes its own drive. PVE's API takes no other user-data, so for anything more
 * (`Image`) the operator builds a NoCloud image itself, which is uploaded and attached as a CD.
 */
export type { CloudInitInput, CloudInitNic } from './input.ts';
export { requiredMode, unsetNativeKeys, nativeKeys, type CloudInitKeys } from './native.ts';
export { cloudInitImage, imageName, noCloudFiles } from './image.ts';
