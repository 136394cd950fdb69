/** The versions tests run against. `build/go.mod` names the same ones. */
export const KUBERNETES_VERSION = '1.36.3';
export const ETCD_VERSION = '3.6.8';

export type BinaryName = 'etcd' | 'kube-apiserver' | 'kubectl' | 'kube-controller-manager';

/** The binaries of every control plane; the controller manager is optional. */
export const BASE_BINARIES: readonly BinaryName[] = ['etcd', 'kube-apiserver', 'kubectl'];

/** Reports progress, one line per call. */
export type Log = (line: string) => void;
