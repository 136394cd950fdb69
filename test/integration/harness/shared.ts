/** How the control plane of a test run gets from jest's setup to its test files (by environment) and to its teardown. */
import { z } from 'zod';
import type { ControlPlane } from '../../../hack/control-plane/index.ts';

const VARIABLE = 'VIRTRIGAUD_TEST_CONTROL_PLANE';
const TEARDOWN_KEY = Symbol.for('virtrigaud.test.control-plane');

const SharedPlane = z.object({
  server: z.string(),
  kubeconfig: z.string(),
  dir: z.string(),
  env: z.record(z.string(), z.string()),
});
export type SharedPlane = z.infer<typeof SharedPlane>;

export function shareWithTests({ server, kubeconfig, dir, env }: ControlPlane): void {
  process.env[VARIABLE] = JSON.stringify({ server, kubeconfig, dir, env });
}

export function sharedPlane(): SharedPlane {
  const value = process.env[VARIABLE];
  if (value === undefined) {
    throw new Error(
      'There is no shared control plane: run this test with `make integration`, it is started by jest’s setup.',
    );
  }
  return SharedPlane.parse(JSON.parse(value));
}

const kept = globalThis as { [TEARDOWN_KEY]?: ControlPlane };

export function keepForTeardown(plane: ControlPlane): void {
  kept[TEARDOWN_KEY] = plane;
}

export function keptForTeardown(): ControlPlane | undefined {
  return kept[TEARDOWN_KEY];
}
