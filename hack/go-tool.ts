/** Tools of the tests that are built from Go modules, once, for machines without them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from './control-plane/binaries.ts';
import { build, unableToBuild } from './control-plane/go-build.ts';
import type { Log } from './control-plane/versions.ts';

export interface GoTool {
  readonly name: string;
  /** `go.mod` in `cwd` names the same one. */
  readonly version: string;
  readonly package: string;
  readonly ldflags: string;
  readonly cwd: string;
}

/**
 * The path of the tool in the cache outside the checkout, where it is built if it is not there yet.
 *
 * @throws Error if it cannot be built
 */
export async function builtTool({ name, version, cwd, ...options }: GoTool, log: Log): Promise<string> {
  const dir = cacheDir();
  // By version, so that a new one is built beside the old one.
  const file = `${name}-v${version}`;
  const path = join(dir, file);
  if (existsSync(path)) return path;
  const unable = await unableToBuild(cwd);
  if (unable !== undefined) throw new Error(`No ${name} ${version} for the tests: ${unable}.`);
  log(`building ${name} ${version} from Go modules, once: 1 to 4 minutes`);
  const failed = await build({ name: file, dir, cwd, ...options }, log);
  if (failed !== undefined) throw new Error(failed);
  return path;
}
