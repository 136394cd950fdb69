/** The image with cloud-init data: its files, its name and its bytes. */
import { sha256Hex, type Digest } from '../lib/hash.ts';
import { buildIso, type IsoFile } from './iso9660.ts';
import type { Result } from '../lib/result.ts';
import type { Vmid } from '../lib/units.ts';
import type { CloudInitInput, CloudInitNic } from './input.ts';
import { localHostname } from './as-pve.ts';
import { configDriveFiles } from './config-drive.ts';
import { networkProblem, resolverOf } from './network.ts';
import { networkConfig } from './network-file.ts';
import { metaDataFile, networkDataFile } from './own-data.ts';
import { keysProblem } from './ssh-keys.ts';
import { userDataFile, type UserDataFile } from './user-data-file.ts';
import { filesOf, vendorDataFile } from './files.ts';

/** How the data is arranged: NoCloud, or a config drive of OpenStack. Called as PVE calls them in `citype`. */
export type ImageLayout = 'nocloud' | 'configdrive2';

const VOLUME_IDS: Readonly<Record<ImageLayout, string>> = { nocloud: 'cidata', configdrive2: 'config-2' };
/** Constant, so that equal files give an equal image. */
const MODIFIED_AT = new Date('2000-01-01T00:00:00Z');

/** The files of an image, and the label by which the guest finds it. */
export interface ImageContent {
  readonly volumeId: string;
  readonly files: readonly IsoFile[];
}

/** Builds the content of an image. Every NIC must have a MAC address. */
export function imageContent(layout: ImageLayout, input: CloudInitInput): Result<ImageContent> {
  const files = layout === 'nocloud' ? noCloudFiles(input) : configDriveFiles(input);
  return 'problem' in files ? files : { value: { volumeId: VOLUME_IDS[layout], files: files.value } };
}

/**
 * Builds the files user-data, meta-data and, where there is something to say, network-config and vendor-data. Every NIC
 * must have a MAC address.
 */
export function noCloudFiles(input: CloudInitInput): Result<readonly IsoFile[]> {
  const problem = keysProblem(input.sshKeys) ?? networkProblem(input.nics);
  if (problem !== undefined) return { problem };
  const userData = userDataFile(input);
  if ('problem' in userData) return userData;
  const { content, reader } = userData.value;
  return filesOf({
    'user-data': { value: content },
    'meta-data': metaDataFile({ ...input, hostname: localHostname(input) }, userData.value),
    'network-config': networkFile(input, reader),
    'vendor-data': { value: vendorDataFile(input) },
  });
}

/**
 * Afterburn, which reads it next to Ignition, and releases of Talos and cloudbase-init know version 1 only, or of version 2
 * nothing but NICs called eth.
 */
function networkFile(
  { networkData, nics, documents }: CloudInitInput,
  reader: UserDataFile['reader'],
): Result<string | undefined> {
  if (networkData !== undefined) return networkDataFile(networkData, { documents });
  return networkConfig(reader === 'Windows' ? withFixedAddresses(nics) : nics, {
    resolver: resolverOf(nics),
    onlyV1: reader !== undefined,
  });
}

/** cloudbase-init takes every other entry for a fixed address, too. Windows uses DHCP without being told. */
const withFixedAddresses = (nics: readonly CloudInitNic[]): readonly CloudInitNic[] =>
  nics
    .filter(({ addresses }) => addresses.length > 0)
    .map(({ ipv6: _ipv6, ...nic }) => ({ ...nic, dhcp4: false }));

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

/** Builds the image. Equal content gives equal bytes. */
export const cloudInitImage = (content: ImageContent): Uint8Array =>
  buildIso({ ...content, modifiedAt: MODIFIED_AT });
