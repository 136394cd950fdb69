/** An image that Proxmox VE downloads, and the template that is made of it. */
import { z } from 'zod';
import { bytes, MiB } from '../lib/units.ts';
import { caBundle } from './ca-bundle.ts';
import { localRef } from './refs.ts';
import { ARCHIVE, COMPRESSED, COMPRESSED_DISK, COMPRESSED_ISO, formatOf, ISO } from './file-endings.ts';
import { creationSettings } from './vmclass-hardware.ts';
import { list, moment, node, quantity, rule, storageName, text, vmidNumber, word } from './schema.ts';

/** A name whose last part begins with a letter, or a plain IPv4 address: nothing that is an address in disguise. */
const URL_FORM =
  /^https?:\/\/(([a-zA-Z0-9-]+[.])*[a-zA-Z][a-zA-Z0-9-]*|(0|[1-9][0-9]{0,2})([.](0|[1-9][0-9]{0,2})){3})(:[0-9]{1,5})?\/[a-zA-Z0-9_./+@=~%?&:,-]*$/;
/** Loopback, link-local, multicast and reserved addresses, and where clouds keep credentials. */
const FORBIDDEN_HOST =
  /^https?:\/\/((0|127|22[4-9]|2[3-5][0-9]|169[.]254)[.]|100[.]100[.]100[.]200[:/]|192[.]0[.]0[.]192[:/]|([^/:]*[.])?([lL][oO][cC][aA][lL][hH][oO][sS][tT]|[mM][eE][tT][aA][dD][aA][tT][aA]([.][^/:]*)?)[:/])/;
const MAX_URL = 1024;

const UNPACKED = 'disk images may end in .gz, .bz2, .xz or .zst, and ISO images in .gz, .bz2, .zst or .lzo';

const url = [
  {
    cel: `!self.matches(r'${FORBIDDEN_HOST.source}')`,
    message:
      'must not lead to this machine, to a link-local, multicast or reserved address, or to a metadata service',
    holds: (value: string) => !FORBIDDEN_HOST.test(value),
  },
  {
    cel: `!self.matches(r'${ARCHIVE.source}')`,
    message:
      'must not be an archive or an image of another hypervisor: take the qcow2, raw or vmdk image out of it, and name that',
    holds: (value: string) => !ARCHIVE.test(value),
  },
].reduce(
  (schema, check) => rule(schema, check),
  word(
    URL_FORM,
    MAX_URL,
    'must be an http or https URL with a host name or an IPv4 address and a path, without a user name, for example https://cloud-images.example.com/debian-13.qcow2',
  ),
);

const checksum = word(
  /^(md5:[0-9a-fA-F]{32}|sha1:[0-9a-fA-F]{40}|sha224:[0-9a-fA-F]{56}|sha256:[0-9a-fA-F]{64}|sha384:[0-9a-fA-F]{96}|sha512:[0-9a-fA-F]{128})$/,
  136,
  'must be an algorithm (md5, sha1, sha224, sha256, sha384 or sha512), a colon and the checksum in hexadecimal digits',
);

const providerRef = z.object({
  name: z.string().max(253).describe('Name of the Provider.'),
  namespace: z.string().max(63).optional().describe('Its namespace; absent: that of the VMImage.'),
});

const downloadFields = z.object({
  url: url.describe(
    'URL of the disk image or ISO image. The node fetches it, through the http_proxy of the datacenter if it has one; the operator does so for a disk image if its URL ends in .gz, .bz2, .xz or .zst, or if headersSecretRef or caBundle is set.',
  ),
  checksum: checksum
    .optional()
    .describe(
      'Checksum of the file at the URL, as it is there, as algorithm:digits. Absent: the file is not verified, and it is not fetched again when it changes at its URL.',
    ),
  format: z
    .enum(['qcow2', 'raw', 'vmdk', 'iso'])
    .optional()
    .describe(
      'Format of the file; absent: by the ending of its name, and qcow2 for .img and others. An ISO image is for CD-ROM drives (spec.cdroms of a VirtualMachine), and no template is made of it.',
    ),
  headersSecretRef: localRef
    .optional()
    .describe(
      'Secret with HTTP headers for the server of the URL: each key is the name of a header, for example Authorization. They are not sent to other servers that it redirects to.',
    ),
  caBundle: caBundle
    .optional()
    .describe(
      "PEM-encoded CA bundle that the server's certificate may be verified with, in addition to the CAs of the system.",
    ),
  maxSize: quantity(bytes(MiB), bytes(1024 ** 3 * MiB))
    .optional()
    .describe(
      'How large the disk image may be at most, as it is at the URL and decompressed, if the operator fetches it. Absent: 64Gi.',
    ),
  providerRefs: list(providerRef, 16)
    .optional()
    .describe(
      'Providers that get it at once. Absent: each gets it as soon as a VirtualMachine waits for it.',
    ),
  replicate: z
    .enum(['OnDemand', 'All'])
    .optional()
    .describe(
      'Where templates are made if they are not on shared storage, where one serves all nodes. OnDemand: on one node, and on another once a VirtualMachine can only be made there. All: on each node that can have one, as soon as the Provider gets the image. It has no effect on ISO images. Absent: OnDemand.',
    ),
  storages: list(storageName, 16)
    .optional()
    .describe(
      'Storages that the file may be kept on: until the template is made, which needs content type import, or as long as the VMImage exists if it is an ISO image, which needs content type iso. Absent: any.',
    ),
});

type DownloadFields = z.output<typeof downloadFields>;

/** Whether it is for CD-ROM drives: no template is made of it. */
export const isIso = (download: Pick<DownloadFields, 'url' | 'format'>): boolean =>
  formatOf(download) === 'iso';

/** The same, of the API server. */
export const celIsIso = (path: string): string =>
  `(has(${path}.format) ? ${path}.format == 'iso' : ${path}.url.matches(r'${ISO.source}'))`;

const isUnpacked = (download: DownloadFields): boolean =>
  !COMPRESSED.test(download.url) || (isIso(download) ? COMPRESSED_ISO : COMPRESSED_DISK).test(download.url);

export const download = rule(
  rule(downloadFields, {
    cel: `!self.url.matches(r'${COMPRESSED.source}') || (${celIsIso('self')} ? self.url.matches(r'${COMPRESSED_ISO.source}') : self.url.matches(r'${COMPRESSED_DISK.source}'))`,
    message: `must not have a file that is compressed in a way that is not unpacked: ${UNPACKED}`,
    holds: isUnpacked,
  }),
  {
    cel: `!${celIsIso('self')} || !has(self.headersSecretRef) && !has(self.caBundle)`,
    message: 'must not have headersSecretRef or caBundle for an ISO image, which the node fetches itself',
    holds: (all) => !isIso(all) || (all.headersSecretRef === undefined && all.caBundle === undefined),
  },
);

export const template = z.object({
  storages: list(storageName, 16)
    .optional()
    .describe(
      'Storages that the template may be made on; absent: where the VMs that wait want their boot disk, or else the default of the Provider or the one with the most room.',
    ),
  bios: creationSettings.shape.bios.describe('Firmware: uefi (or ovmf), bios (or seabios); absent: bios.'),
  efi: creationSettings.shape.efi.describe('EFI disk of a template with UEFI.'),
  machine: creationSettings.shape.machine.describe('Machine type; absent: q35 with UEFI, otherwise pc.'),
  osType: creationSettings.shape.osType.describe('Guest operating system; absent: l26, Linux.'),
  scsiController: creationSettings.shape.scsiController.describe(
    'Model of the SCSI controller; absent: virtio-scsi-single.',
  ),
  agent: z.boolean().optional().describe('Whether the guest agent is enabled; absent: true.'),
  serialConsole: z
    .boolean()
    .optional()
    .describe('Whether the console is serial port serial0, as cloud images expect; absent: true.'),
  cloudInitDrive: z.boolean().optional().describe('Whether there is a cloud-init drive; absent: true.'),
});

const provider = text(320).describe('Provider, as namespace/name.');
const task = text(255).optional().describe('Task in Proxmox VE that is awaited.');

const failure = z.object({
  reason: text(64).describe('Reason, as in the condition Ready.'),
  message: text(1024).describe('What Proxmox VE said.'),
  attempts: z.int32().describe('How often it failed since it last succeeded.'),
  at: moment.describe('When it failed.'),
  generation: z.int().describe('Generation of the object that was tried.'),
});

const progress = z.object({
  phase: z
    .enum(['Downloading', 'Queued', 'Verifying', 'Uploading'])
    .describe(
      'Downloading: Proxmox VE fetches it. Queued: other files come first. Verifying: it is read for the first time. Uploading: it is read again and sent to Proxmox VE.',
    ),
  bytes: z.int().optional().describe('How many bytes have been read or sent.'),
  total: z.int().optional().describe('How many there are, if that is known.'),
  percent: z.int().optional().describe('The same in per cent.'),
  ahead: z.int().optional().describe('How many other files come first.'),
});

/** The API server refuses a status with more: no more are begun. */
export const MAX_FILES = 64;
/** The same of templates. */
export const MAX_TEMPLATES = 256;

export const downloads = list(
  z.object({
    provider,
    node: node.describe('Node that downloads the file, has downloaded it, or that it is uploaded to.'),
    storage: storageName.describe('Storage the file is on.'),
    volume: text(255).describe('Volume ID of the file.'),
    state: z.enum(['Downloading', 'Downloaded']).describe('How far the download is.'),
    at: moment.describe(
      'When the last request was announced, or when the operator last sent a part of the file.',
    ),
    via: z
      .enum(['ProxmoxVE', 'Operator'])
      .optional()
      .describe('Who fetches the file. Absent: ProxmoxVE, the node itself.'),
    viaReason: text(255).optional().describe('Why the operator fetches it.'),
    progress: progress.optional().describe('How far it is, while it is downloaded.'),
    size: z.int().optional().describe('Size of the disk image in bytes, once the operator has verified it.'),
    sha256: text(64).optional().describe('Its SHA-256 checksum, once the operator has verified it.'),
    task,
    failure: failure.optional().describe('The last failure since something succeeded.'),
  }),
  MAX_FILES,
);

export const templates = list(
  z.object({
    provider,
    node: node.describe('Node that the template is made on.'),
    storage: storageName.describe('Storage of its disks.'),
    vmid: vmidNumber.describe('VMID, reserved before the template is created.'),
    file: text(255).describe(
      'Name of the file that it is made of, which stands for URL, checksum and format.',
    ),
    checksum: text(136).optional().describe('Checksum of the file, where the spec had one.'),
    state: z
      .enum(['Reserved', 'Ready', 'Deleting'])
      .describe(
        'Reserved: it is being created. Ready: VMs are cloned from it. Deleting: it is being destroyed.',
      ),
    at: moment.describe('When the last request was announced.'),
    task,
  }),
  MAX_TEMPLATES,
);
