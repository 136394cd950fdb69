/** Finds Helm on this machine, or builds it. */
import { join } from 'node:path';
import { run } from '../control-plane/run.ts';
import { KUBERNETES_VERSION, type Log } from '../control-plane/versions.ts';
import { builtTool } from '../go-tool.ts';

/** `build/go.mod` names the same one. */
export const HELM_VERSION = '3.22.0';

const [major = '', minor = ''] = KUBERNETES_VERSION.split('.');
const LDFLAGS = [
  '-s -w',
  `-X helm.sh/helm/v3/internal/version.version=v${HELM_VERSION}`,
  // What `helm template` and `helm lint` take the cluster for.
  `-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=${major}`,
  `-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=${minor}`,
  `-X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMajor=${major}`,
  `-X helm.sh/helm/v3/pkg/lint/rules.k8sVersionMinor=${minor}`,
].join(' ');

/**
 * The path of Helm: that of PATH where it is the same minor version, else one that is built here once.
 *
 * @throws Error if it can be neither found nor built
 */
export async function ensureHelm(log: Log): Promise<string> {
  const { stdout } = await run('helm', ['version', '--short']);
  if (stdout.startsWith(`v${HELM_VERSION.replace(/\d+$/, '')}`)) return 'helm';
  return builtTool(
    {
      name: 'helm',
      version: HELM_VERSION,
      package: 'helm.sh/helm/v3/cmd/helm',
      ldflags: LDFLAGS,
      cwd: join(import.meta.dirname, 'build'),
    },
    log,
  );
}
