/** The NoCloud image: its files, its name and its bytes. */
import { sha256Hex, type Digest } from '../lib/hash.ts';
import { buildIso, type IsoFile } from './iso9660.ts';
import type { Result } from '../lib/result.ts';
import type { Vmid } from '../lib/units.ts';
import type { CloudInitInput } from './input.ts';
import { withKeysPart } from './multipart.ts';
import { readIgnition } from './ignition.ts';
import { localHostname, settingsAsPve } from './as-pve.ts';
import { networkProblem, resolverOf } from './network.ts';
import { networkConfig } from './network-file.ts';
import { metaDataFile, networkDataFile } from './own-data.ts';
import { addKeys, cleanKeys } from './ssh-keys.ts';
import { readUserData } from './user-data.ts';
import { printYaml } from './yaml.ts';

/** The label by which cloud-init finds the image. */
const VOLUME_ID = 'cidata';
/** Constant, so that equal files give an equal image. */
const MODIFIED_AT = new Date('2000-01-01T00:00:00Z');

/**
 * Builds the files user-data, meta-data and, where there is something to say, network-config and vendor-data. Every NIC
 * must have a MAC address.
 */
export function noCloudFiles(input: CloudInitInput): Result<readonly IsoFile[]> {
  const problem = networkProblem(input.nics);
  if (problem !== undefined) return { problem };
  const parts = {
    'user-data': input.ignition === undefined ? userDataFile(input) : readIgnition(input.ignition),
    'meta-data': metaDataFile({ ...input, hostname: localHostname(input) }),
    'network-config': networkFile(input),
    'vendor-data': { value: vendorDataFile(input) },
  };
  const texts: Record<string, string | undefined> = {};
  for (const [name, part] of Object.entries(parts)) {
    if ('problem' in part) return part;
    texts[name] = part.value;
  }
  const encoder = new TextEncoder();
  return {
    value: Object.entries(texts).flatMap(([name, text]) =>
      text === undefined ? [] : [{ name, bytes: encoder.encode(text) }],
    ),
  };
}

function networkFile({ networkData, ignition, nics }: CloudInitInput): Result<string | undefined> {
  if (networkData !== undefined) return networkDataFile(networkData);
  // Afterburn, which reads it next to Ignition, knows version 1 only.
  return networkConfig(nics, { resolver: resolverOf(nics), onlyV1: ignition !== undefined });
}

/** cloud-init merges it below the user-data, which is left as the user wrote it. Ignition reads none. */
function vendorDataFile(input: CloudInitInput): string | undefined {
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

/** The user's text, unchanged unless keys have to be added. */
function userDataFile({ hostname, fqdn = hostname, userData, sshKeys }: CloudInitInput): Result<string> {
  const read = readUserData(userData);
  if ('problem' in read) return read;
  const keys = cleanKeys(sshKeys);
  const data = read.value;
  if (data.kind === 'none')
    return {
      value: `#cloud-config\n${printYaml({ hostname, fqdn, ...(keys.length > 0 && { ssh_authorized_keys: keys }) })}`,
    };
  if (keys.length === 0) return { value: data.text };
  if (data.kind !== 'cloudConfig') return { value: withKeysPart(data.text, data.kind, keys) };
  const added = addKeys(data.document, keys);
  if ('problem' in added) return added;
  return { value: added.value ? data.document.toString({ lineWidth: 0 }) : data.text };
}

/**
 * Returns the file name of an image. It depends on the contents, and nobody can derive it from them without the key of
 * the digest.
 */
export function imageName(
  digest: Digest,
  vmid: Vmid,
  { uid, files }: { readonly uid: string; readonly files: readonly IsoFile[] },
): string {
  const contents = files.map(({ name, bytes }) => [name, sha256Hex(bytes)]);
  return `virtrigaud-${vmid}-${sha256Hex(digest(JSON.stringify([uid, contents]))).slice(0, 24)}.iso`;
}

/** Builds the image. Equal files give equal bytes. */
export const cloudInitImage = (files: readonly IsoFile[]): Uint8Array =>
  buildIso({ volumeId: VOLUME_ID, files, modifiedAt: MODIFIED_AT });
