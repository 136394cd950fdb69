/** The hardware of a VMClass: what is set at creation, and what may change later. */
import { z } from 'zod';
import { bytes, MiB } from '../lib/units.ts';
import { quantity, rule, word } from './schema.ts';

const machine = word(
  /^(pc|q35|pc(-i440fx|-q35)?-[0-9]+(\.[0-9]+)+(\+pve[0-9]+)?(\.pxe)?)$/,
  40,
  'must be a machine type of Proxmox VE: q35, pc or a version of one, for example pc-q35-9.0',
);

const efi = rule(
  z.object({
    preEnrolledKeys: z
      .boolean()
      .optional()
      .describe(
        'Whether the EFI disk has the keys of distributions and of Microsoft, so that Secure Boot is on; absent: it has none.',
      ),
    type: z.enum(['2m', '4m']).optional().describe('Size of the EFI disk; Secure Boot needs 4m. Absent: 4m.'),
  }),
  {
    cel: "!has(self.preEnrolledKeys) || !self.preEnrolledKeys || !has(self.type) || self.type == '4m'",
    message: 'must have type 4m with preEnrolledKeys',
    holds: ({ preEnrolledKeys, type }) => preEnrolledKeys !== true || type === undefined || type === '4m',
  },
);

/** Set when a VM is created, and only reported afterwards. */
export const creationSettings = z.object({
  machine: machine.optional().describe('Machine type; absent: that of the template.'),
  bios: z
    .enum(['uefi', 'ovmf', 'bios', 'seabios'])
    .optional()
    .describe('Firmware: uefi (or ovmf), bios (or seabios); absent: that of the template.'),
  tpm: z
    .enum(['v2.0'])
    .optional()
    .describe(
      'Version of the TPM, which is stored on the storage of the boot disk; absent: as in the template.',
    ),
  osType: z
    .enum([
      'other',
      'wxp',
      'w2k',
      'w2k3',
      'w2k8',
      'wvista',
      'win7',
      'win8',
      'win10',
      'win11',
      'l24',
      'l26',
      'solaris',
    ])
    .optional()
    .describe(
      'Guest operating system, for which Proxmox VE sets up the emulated hardware: l26 for Linux, win11 also for Windows Server 2022 and 2025; absent: that of the template.',
    ),
  scsiController: z
    .enum(['lsi', 'lsi53c810', 'megasas', 'pvscsi', 'virtio-scsi-pci', 'virtio-scsi-single'])
    .optional()
    .describe(
      'Model of the SCSI controller; I/O threads of scsi disks need virtio-scsi-single. Absent: that of the template.',
    ),
  efi: efi
    .optional()
    .describe('EFI disk of a VM with UEFI, if the template has none; that of a template is copied.'),
});

const vga = z.object({
  type: z
    .enum([
      'std',
      'cirrus',
      'qxl',
      'qxl2',
      'qxl3',
      'qxl4',
      'virtio',
      'virtio-gl',
      'vmware',
      'serial0',
      'serial1',
      'serial2',
      'serial3',
      'none',
    ])
    .describe(
      'Model of the graphics card. serial0 to serial3 make that serial port, which serial has to include, the console; none is for VMs whose graphics card is passed through.',
    ),
  memory: quantity(bytes(4 * MiB), bytes(513 * MiB))
    .optional()
    .describe('Video memory, in MiB, for example 64Mi; absent: as Proxmox VE chooses.'),
});

const audio = z.object({
  device: z.enum(['ich9-intel-hda', 'intel-hda', 'AC97']).describe('Model of the sound card.'),
  driver: z
    .enum(['spice', 'none'])
    .optional()
    .describe('Where the sound goes: to a SPICE console, or nowhere; absent: spice.'),
});

const rng = z.object({
  source: z
    .enum(['urandom', 'random', 'hwrng'])
    .describe(
      'Device of the node that the entropy comes from. Proxmox VE before 8.4 lets only root@pam with a password set it, and later versions require Mapping.Use on /mapping/hwrng for hwrng.',
    ),
  maxBytes: z
    .int32()
    .min(0)
    .max(1024 ** 3)
    .optional()
    .describe('Maximum bytes of entropy in each period; 0: no limit. Absent: 1024.'),
  periodMillis: z
    .int32()
    .min(1)
    .max(3_600_000)
    .optional()
    .describe('Length of the period in milliseconds; absent: 1000.'),
});

const settings = z.object({
  numa: z
    .boolean()
    .optional()
    .describe('Whether the guest sees one NUMA node for each socket; absent: as in the template.'),
  sockets: z
    .int32()
    .min(1)
    .max(128)
    .optional()
    .describe(
      'Number of sockets that the CPUs are distributed among, of which cpus must be a multiple; absent: one in a new VM, and unchanged afterwards.',
    ),
  hugepages: z
    .enum(['any', '2Mi', '1Gi'])
    .optional()
    .describe(
      'Size of the huge pages that back the memory; it requires numa. Proxmox VE lets only root@pam with a password set it. Absent: as in the template.',
    ),
  vga: vga.optional().describe('Graphics card; absent: that of the template.'),
  serial: z
    .int32()
    .min(0)
    .max(4)
    .optional()
    .describe(
      'Number of serial ports, serial0 first, which the console of Proxmox VE can connect to. Ports that are devices of the node stay. Absent: those of the template.',
    ),
  audio: audio.optional().describe('Sound card; absent: that of the template, if it has one.'),
  tablet: z
    .boolean()
    .optional()
    .describe(
      'Whether the guest has a USB tablet, so that the pointer of a console is where the mouse is; absent: as in the template.',
    ),
  rng: rng
    .optional()
    .describe('Source of entropy for the guest; absent: that of the template, if it has one.'),
});

/** Graphics cards that are a serial port. */
const CONSOLES: readonly string[] = ['serial0', 'serial1', 'serial2', 'serial3'];

/** May change later; most of it takes effect at the next start of the VM. */
export const hardware = rule(
  rule(settings, {
    cel: '!has(self.hugepages) || has(self.numa) && self.numa',
    message: 'must have numa: true with hugepages: Proxmox VE starts no VM otherwise',
    holds: ({ hugepages, numa }) => hugepages === undefined || numa === true,
  }),
  {
    // Operators of strings without a maximum length would cost too much.
    cel: `!has(self.vga) || (${CONSOLES.map((port, index) => `self.vga.type == '${port}' ? ${index + 1} : `).join('')}0) <= (has(self.serial) ? self.serial : 0)`,
    message: 'must have a serial port for the vga.type: serial: 1 for serial0, serial: 2 for serial1',
    holds: ({ vga, serial = 0 }) => CONSOLES.indexOf(vga?.type ?? '') < serial,
  },
);
