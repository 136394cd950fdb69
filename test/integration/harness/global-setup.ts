/** Runs once before the integration tests: one control plane for them all, with what an administrator installs in it. */
import { startControlPlane } from '../../../hack/control-plane/index.ts';
import { installOurs } from './install.ts';
import { makeOldObject } from './old-object.ts';
import { keepForTeardown, shareWithTests } from './shared.ts';

export default async function setup(): Promise<void> {
  const plane = await startControlPlane({ log: (line) => process.stderr.write(`${line}\n`) });
  try {
    await installOurs(plane, makeOldObject);
  } catch (error) {
    await plane.stop();
    throw error;
  }
  shareWithTests(plane);
  keepForTeardown(plane);
}
