/** Builds kubeconform, which checks manifests against JSON schemas. */
import { join } from 'node:path';
import type { Log } from '../control-plane/versions.ts';
import { builtTool } from '../go-tool.ts';

/** @throws Error if it cannot be built */
export const ensureKubeconform = (log: Log): Promise<string> =>
  builtTool(
    {
      name: 'kubeconform',
      version: '0.7.0',
      package: 'github.com/yannh/kubeconform/cmd/kubeconform',
      ldflags: '-s -w',
      cwd: join(import.meta.dirname, 'build'),
    },
    log,
  );
