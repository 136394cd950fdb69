/** The versions tests run against. `build/go.mod` names the same ones. */
export const KUBERNETES_VERSION = '1.36.3';
export const ETCD_VERSION = '3.6.8';

export type BinaryName = 'etcd' | 'kube-apiserver' | 'kubectl' | 'kube-controller-manager';

/** What every control plane needs; the controller manager comes on request. */
export const BASE_BINARIES: readonly BinaryName[] = ['etcd', 'kube-apiserver', 'kubectl'];

/** Tells the caller what happens; one line a call. */
export type Log = (line: string) => void;
