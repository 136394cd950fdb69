/** What a cluster administrator installs before the operator starts: our kinds and the admission policies. */
import { join } from 'node:path';
import type { ControlPlane } from '../../../hack/control-plane/index.ts';

const ROOT = join(import.meta.dirname, '../../..');
const CRDS = join(ROOT, 'crds');

const STEPS = [
  ['apply', '--server-side', '-f', CRDS, '-f', join(ROOT, 'deploy/kustomize/base/admission.yaml')],
  ['wait', '--for=condition=Established', '--timeout=60s', '-f', CRDS],
];

/** @throws Error with what kubectl said. */
export async function installOurs({ kubectl }: Pick<ControlPlane, 'kubectl'>): Promise<void> {
  for (const args of STEPS) {
    const { code, stderr } = await kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed:\n${stderr}`);
  }
}
