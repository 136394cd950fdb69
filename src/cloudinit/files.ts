/** Files of an image that do not depend on how it is arranged. */
import type { Result } from '../lib/result.ts';
import { settingsAsPve } from './as-pve.ts';
import type { CloudInitInput } from './input.ts';
import type { IsoFile } from './iso9660.ts';
import { printYaml } from './yaml.ts';

type Part = Result<string | Uint8Array | undefined>;

/** The files that there are, or the first problem. */
export function filesOf(parts: Readonly<Record<string, Part>>): Result<readonly IsoFile[]> {
  const files: IsoFile[] = [];
  const encoder = new TextEncoder();
  for (const [name, part] of Object.entries(parts)) {
    if ('problem' in part) return part;
    const { value } = part;
    if (value !== undefined)
      files.push({ name, bytes: typeof value === 'string' ? encoder.encode(value) : value });
  }
  return { value: files };
}

/** cloud-init merges it below the user-data, which is left as the user wrote it. Ignition reads none. */
export function vendorDataFile(input: CloudInitInput): string | undefined {
  if (input.ignition !== undefined) return undefined;
  const { user, sshKeys = [] } = input.inherited ?? {};
  const config = {
    ...(user !== undefined && { user }),
    // As in the data that Proxmox VE writes.
    ...(user === 'root' && { disable_root: false }),
    ...(sshKeys.length > 0 && { ssh_authorized_keys: sshKeys }),
    ...settingsAsPve(input),
  };
  return Object.keys(config).length === 0 ? undefined : `#cloud-config\n${printYaml(config)}`;
}
