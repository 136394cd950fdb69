/** How each server of the control plane is started. Everything listens on the loopback interface only. */
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { MiB } from '../../src/lib/units.ts';

export interface Layout {
  readonly dir: string;
  readonly ports: {
    readonly etcd: number;
    readonly etcdPeer: number;
    readonly apiServer: number;
    readonly controllerManager: number;
  };
  readonly controllerManager: boolean;
}

const LOOPBACK = '127.0.0.1';

export const files = (dir: string) => ({
  kubeconfig: join(dir, 'kubeconfig'),
  tokens: join(dir, 'tokens.csv'),
  serviceAccountKey: join(dir, 'service-account.key'),
  certificates: join(dir, 'certificates'),
  /** kube-apiserver makes its own serving certificate and appends the CA that signed it. */
  servingCertificate: join(dir, 'certificates', 'apiserver.crt'),
});

export const serverUrl = ({ ports }: Layout): string => `https://${LOOPBACK}:${ports.apiServer}`;

/**
 * Go's garbage collector takes two fifths of the CPU time of an API server that starts, and half of that of kubectl.
 * These live for seconds or minutes, so it runs only where memory grows beyond a limit.
 */
const collectingAbove = (mebibytes: number) => ({ GOGC: 'off', GOMEMLIMIT: `${Math.floor(mebibytes)}MiB` });

/** Half a dozen API servers may run at once. The one that tests share needs a few hundred MiB in any case. */
export const serverMemory = collectingAbove(Math.max(450, totalmem() / MiB / 16));
export const kubectlMemory = collectingAbove(250);

export function etcdFlags({ dir, ports }: Layout): readonly string[] {
  const client = `http://${LOOPBACK}:${ports.etcd}`;
  const peer = `http://${LOOPBACK}:${ports.etcdPeer}`;
  return [
    '--name=test',
    `--data-dir=${join(dir, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=test=${peer}`,
    // The data is thrown away anyway, and fsync makes up most of the time of a write.
    '--unsafe-no-fsync',
  ];
}

export function apiServerFlags(layout: Layout): readonly string[] {
  const { dir, ports } = layout;
  const { tokens, serviceAccountKey, certificates } = files(dir);
  return [
    `--etcd-servers=http://${LOOPBACK}:${ports.etcd}`,
    `--bind-address=${LOOPBACK}`,
    `--advertise-address=${LOOPBACK}`,
    `--secure-port=${ports.apiServer}`,
    `--cert-dir=${certificates}`,
    `--token-auth-file=${tokens}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${serviceAccountKey}`,
    `--service-account-signing-key-file=${serviceAccountKey}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    // Nobody competes for it, and each request takes a few per cent more with it.
    '--enable-priority-and-fairness=false',
    // A loopback address may not be published as the endpoint of the kubernetes Service.
    '--endpoint-reconciler-type=none',
    // It refuses pods of a namespace without service account, and only the controller manager makes those.
    ...(layout.controllerManager ? [] : ['--disable-admission-plugins=ServiceAccount']),
  ];
}

export function controllerManagerFlags({ dir, ports }: Layout): readonly string[] {
  const { kubeconfig, serviceAccountKey, servingCertificate, certificates } = files(dir);
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--bind-address=${LOOPBACK}`,
    `--secure-port=${ports.controllerManager}`,
    `--cert-dir=${certificates}`,
    `--service-account-private-key-file=${serviceAccountKey}`,
    `--root-ca-file=${servingCertificate}`,
    '--leader-elect=false',
    // What tests need of it; all of its controllers take seconds of CPU time to start.
    '--controllers=namespace-controller,serviceaccount-controller,garbage-collector-controller',
  ];
}
