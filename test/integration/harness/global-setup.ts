/** Runs once before the integration tests: one control plane for them all, with our CRDs in it. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane/index.ts';
import { keepForTeardown, shareWithTests } from './shared.ts';

const CRDS = join(import.meta.dirname, '../../../crds');

export default async function setup(): Promise<void> {
  const plane = await startControlPlane({ log: (line) => process.stderr.write(`${line}\n`) });
  try {
    await installCrds(plane);
  } catch (error) {
    await plane.stop();
    throw error;
  }
  shareWithTests(plane);
  keepForTeardown(plane);
}

async function installCrds(plane: ControlPlane): Promise<void> {
  if (!existsSync(CRDS) || !readdirSync(CRDS).some((file) => file.endsWith('.yaml'))) return;
  const steps = [
    ['apply', '--server-side', '-f', CRDS],
    ['wait', '--for=condition=Established', '--timeout=60s', '-f', CRDS],
  ];
  for (const args of steps) {
    const { code, stderr } = await plane.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed:\n${stderr}`);
  }
}
