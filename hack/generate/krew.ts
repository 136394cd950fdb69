/** The Krew manifest of `kubectl vm`. `hack/executables.ts` fills in the checksums of a release. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { generated, toYaml, type Files } from './crds.ts';

const PATH = 'deploy/krew/vm.yaml';
/** No archive has this checksum, so Krew installs none until a release has filled in its own. */
const NOT_RELEASED = '0'.repeat(64);

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')));

export interface KrewPlatform {
  readonly archive: string;
  readonly os: 'linux' | 'darwin';
  readonly arch: 'amd64' | 'arm64';
}

/** Where the archives of a release are: the place is that of whoever publishes them. */
const RELEASES = 'https://example.com/virtrigaud-proxmox/releases';

export const KREW_PLATFORMS: readonly KrewPlatform[] = [
  { archive: 'kubectl-vm-linux-amd64.tar.gz', os: 'linux', arch: 'amd64' },
  { archive: 'kubectl-vm-linux-arm64.tar.gz', os: 'linux', arch: 'arm64' },
  { archive: 'kubectl-vm-node.tar.gz', os: 'darwin', arch: 'amd64' },
  { archive: 'kubectl-vm-node.tar.gz', os: 'darwin', arch: 'arm64' },
];

/**
 * @param checksums SHA-256 of the archives, by their names
 * @param releases the address below which each release has a folder with its tag
 */
export const krewManifest = (
  checksums: ReadonlyMap<string, string> = new Map(),
  releases: string = RELEASES,
): string =>
  generated('npm run generate') +
  toYaml({
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'vm' },
    spec: {
      version: `v${version}`,
      homepage: releases,
      shortDescription: 'Virtual machines on Proxmox VE',
      description:
        'Start, stop, restart, snapshot, revert, clone and migrate the VirtualMachines of virtrigaud-proxmox, and find out why one is not ready.\n',
      caveats:
        'On macOS it needs Node.js 22.20 or newer. For "kubectl create vmsnapshot", link kubectl-create-vmsnapshot to kubectl-vm.\n',
      platforms: KREW_PLATFORMS.map(({ archive, os, arch }) => ({
        selector: { matchLabels: { os, arch } },
        uri: `${releases}/v${version}/${archive}`,
        sha256: checksums.get(archive) ?? NOT_RELEASED,
        bin: 'kubectl-vm',
        files: [
          { from: 'kubectl-vm', to: '.' },
          { from: 'LICENSE', to: '.' },
          { from: 'THIRD_PARTY_NOTICES', to: '.' },
        ],
      })),
    },
  });

export const krewFiles = (): Files => new Map([[PATH, krewManifest()]]);
