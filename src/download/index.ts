/** Downloads of disk images through the operator. Knows nothing of Kubernetes or Proxmox VE. */
export { mayConnectTo } from './addresses.ts';
export { compressionIn, type DiskFormat } from './formats.ts';
export { headersIn } from './headers.ts';
export { DownloadProblem, type ProblemReason } from './problem.ts';
export { resolvePublic, type Resolve } from './resolve.ts';
export {
  measure,
  readImage,
  type Checksum,
  type Measured,
  type ReadOptions,
  type ReadProgress,
} from './read.ts';
export {
  createTransfers,
  type TransferControl,
  type TransferProgress,
  type Transfers,
  type TransferState,
} from './transfers.ts';
