/** Builds actionlint, which checks workflows of GitHub Actions. */
import { join } from 'node:path';
import type { Log } from '../control-plane/versions.ts';
import { builtTool } from '../go-tool.ts';

/** @throws Error if it cannot be built */
export const ensureActionlint = (log: Log): Promise<string> =>
  builtTool(
    {
      name: 'actionlint',
      version: '1.7.12',
      package: 'github.com/rhysd/actionlint/cmd/actionlint',
      ldflags: '-s -w',
      cwd: join(import.meta.dirname, 'build'),
    },
    log,
  );
