/** Writes the digests that the tags of the base images have now into the Dockerfile, so that builds are repeatable. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { pinned } from './base-images.ts';

const DOCKERFILE = join(import.meta.dirname, '../Dockerfile');
const Manifest = z.object({ digest: z.string() });

/** Of the list of all platforms, so one digest serves each of them. */
function digestOf(image: string): string {
  const args = ['buildx', 'imagetools', 'inspect', image, '--format', '{{json .Manifest}}'];
  return Manifest.parse(JSON.parse(execFileSync('docker', args, { encoding: 'utf8' }))).digest;
}

try {
  const before = readFileSync(DOCKERFILE, 'utf8');
  const after = pinned(before, digestOf);
  writeFileSync(DOCKERFILE, after);
  process.stdout.write(
    after === before ? 'The digests are up to date.\n' : 'Wrote the digests to the Dockerfile.\n',
  );
} catch (error) {
  process.stderr.write(
    `The base images could not be pinned; docker with buildx and access to their registries are needed. ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
}
