/**
 * What becomes of each option of a template in the VMs that are made from it. The only list of them: the first
 * configuration, the report and docs/template-options.md follow from it. Pure.
 */
import type { Keys } from '../../shared/guests/keys.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import type { Options } from '../model/desired.ts';

/**
 * inherited: the VM has what the template has. replaced: the spec, the class or the operator decides, also by saying
 * nothing. not copied: PVE gives it to no clone.
 */
export type Fate = 'inherited' | 'replaced' | 'not copied';

/** A part of the cloud-init data that the spec, or the user-data in it, may say itself. */
export type CloudInitPart = 'user' | 'password' | 'sshKeys' | 'snippet' | 'servers' | 'domains' | 'addresses';

export interface TemplateOption {
  /** As PVE's API names them; `[n]` stands for a number. */
  readonly options: readonly string[];
  readonly fate: Fate;
  /** For the documentation: by what it is replaced, or under which condition it has another fate. */
  readonly details: string;
  /** It is removed from a new VM: always, or unless the spec has this field. */
  readonly unset?: 'always' | (keyof Options & ('protection' | 'onBoot'));
  /** What its fate depends on (cloud-init/inherited.ts). Absent: it is as `fate` says. */
  readonly dependsOn?: CloudInitPart;
  /**
   * It is dropped under the condition in `details`, and the condition FieldsIgnored of the VM says so: why, and what to
   * do.
   */
  readonly lost?: string;
}

export const TEMPLATE_OPTIONS: readonly TemplateOption[] = [
  { options: ['name'], fate: 'replaced', details: '`guestName`; without it, the name of the VirtualMachine' },
  {
    options: ['description'],
    fate: 'replaced',
    details: '`description`; without it, a sentence that names the VirtualMachine. The owner mark follows',
  },
  { options: ['tags'], fate: 'replaced', details: '`tags`; without it, none', unset: 'always' },
  {
    options: ['protection'],
    fate: 'replaced',
    details: '`protection`; without it, off: a protected template makes no protected VMs',
    unset: 'protection',
  },
  { options: ['onboot'], fate: 'replaced', details: '`onBoot`; without it, off', unset: 'onBoot' },
  { options: ['startup'], fate: 'inherited', details: 'Unless the spec has `startup`' },
  {
    options: ['cores', 'sockets', 'vcpus', 'memory', 'balloon', 'smp'],
    fate: 'replaced',
    details:
      'The VMClass. A balloon device that the template switches off (`balloon: 0`) stays off, unless the class has `minMemory` or `maxMemory`',
  },
  {
    options: ['shares'],
    fate: 'inherited',
    details: '0 if the VMClass has `maxMemory`; removed if it is 0 and the class has `minMemory`',
  },
  { options: ['hotplug'], fate: 'inherited', details: 'And `cpu`, where the VM has room for more CPUs' },
  {
    options: ['cpu'],
    fate: 'inherited',
    details: 'The type is that of `cpuType` of the VMClass, if it has one',
  },
  {
    options: ['bios', 'machine'],
    fate: 'inherited',
    details: 'Unless the VMClass has `spec.bios` or `spec.machine`',
  },
  {
    options: ['efidisk0', 'tpmstate0'],
    fate: 'inherited',
    details:
      'Copied. Made where UEFI or `spec.tpm` of the VMClass needs one and the template has none; `spec.efi` says how',
  },
  { options: ['agent'], fate: 'inherited', details: 'Always enabled' },
  {
    options: ['smbios1'],
    fate: 'inherited',
    details: 'Except for the UUID, which is the uid of the VirtualMachine',
  },
  { options: ['vmgenid', 'meta'], fate: 'replaced', details: 'Made by Proxmox VE' },
  {
    options: ['net[n]'],
    fate: 'inherited',
    details:
      'With a MAC address of its own. With `networks` that list is authoritative; the interfaces keep what it does not mention',
  },
  {
    options: ['scsi[n]', 'virtio[n]', 'sata[n]', 'ide[n]', 'cdrom'],
    fate: 'inherited',
    details:
      'Disks are copied, CDs stay. The cloud-init drive stays where it is; it is replaced by an image in the same slot if the data needs one',
  },
  { options: ['boot', 'bootdisk'], fate: 'inherited', details: '' },
  {
    options: ['ciuser'],
    fate: 'inherited',
    dependsOn: 'user',
    details: 'Unless the user-data names a user. Dropped with Ignition',
    lost: 'has no counterpart in Ignition. Add the user to the Ignition configuration.',
  },
  {
    options: ['cipassword'],
    fate: 'inherited',
    dependsOn: 'password',
    details:
      'Unless the user-data names a user or sets a password. Dropped where the data needs an image, because Proxmox VE shows no passwords',
    lost: 'cannot be read, and the cloud-init data of this VM comes from an image of the operator. Set a password or SSH keys in the user-data, or set spec.sshKeysSecretRef.',
  },
  {
    options: ['sshkeys'],
    fate: 'inherited',
    dependsOn: 'sshKeys',
    details: 'Unless the spec or the user-data has SSH keys. Dropped with Ignition',
    lost: 'has no counterpart in Ignition. Add the keys to the Ignition configuration.',
  },
  {
    options: ['cicustom'],
    fate: 'inherited',
    dependsOn: 'snippet',
    details: 'Unless the spec has a snippet. Dropped where the VM has user-data or SSH keys of its own',
    lost: 'would replace the data of this VM. Move what it says into the spec, or name it in spec.userData.cloudInit.snippet.',
  },
  {
    options: ['nameserver'],
    fate: 'inherited',
    dependsOn: 'servers',
    details: 'Unless a network has `staticIP.dns`, or the spec has `dns` or `networkData`',
  },
  {
    options: ['searchdomain'],
    fate: 'inherited',
    dependsOn: 'domains',
    details: 'Unless the spec has `searchDomain` or `networkData`',
  },
  {
    options: ['ipconfig[n]'],
    fate: 'inherited',
    dependsOn: 'addresses',
    details:
      'DHCP and SLAAC; with `networks` or `networkData`, these replace it. A fixed address is dropped: only one VM can have it',
    lost: 'has a fixed address, which only one VM can have, so the interface uses DHCP. Set an address in spec.networks.',
  },
  {
    options: ['ciupgrade'],
    fate: 'replaced',
    details: '`package_upgrade` in the user-data; without it, off',
  },
  { options: ['citype'], fate: 'inherited', details: 'It decides on the layout of an image as well' },
  {
    options: ['serial[n]', 'audio0', 'rng0', 'vga', 'tablet', 'numa', 'hugepages'],
    fate: 'inherited',
    details: 'Unless `hardware` of the VMClass says otherwise',
  },
  {
    options: ['scsihw', 'ostype'],
    fate: 'inherited',
    details: 'Unless the VMClass has `spec.scsiController` or `spec.osType`',
  },
  {
    options: ['parallel[n]', 'usb[n]', 'hostpci[n]', 'virtiofs[n]', 'ivshmem'],
    fate: 'inherited',
    details: '',
  },
  {
    options: ['spice_enhancements', 'keyboard', 'arch', 'watchdog'],
    fate: 'inherited',
    details: '',
  },
  {
    options: ['numa[n]', 'keephugepages', 'affinity', 'cpulimit', 'cpuunits', 'allow-ksm'],
    fate: 'inherited',
    details: '',
  },
  {
    options: [
      'acpi',
      'kvm',
      'tdf',
      'localtime',
      'startdate',
      'freeze',
      'reboot',
      'autostart',
      'args',
      'hookscript',
    ],
    fate: 'inherited',
    details: '',
  },
  {
    options: ['amd-sev', 'intel-tdx', 'migrate_downtime', 'migrate_speed', 'vmstatestorage'],
    fate: 'inherited',
    details: '',
  },
  {
    options: ['template', 'lock', 'unused[n]', 'parent', 'snaptime', 'vmstate'],
    fate: 'not copied',
    details: 'Belongs to the template itself',
  },
  {
    options: ['runningcpu', 'runningmachine', 'running-nets-host-mtu'],
    fate: 'not copied',
    details: 'Belongs to the template itself',
  },
];

const BY_OPTION = new Map(
  TEMPLATE_OPTIONS.flatMap((row) => row.options.map((option) => [option, row] as const)),
);

/** The row of a key such as `cpu` or `ipconfig0`. */
export const templateOption = (key: string): TemplateOption | undefined =>
  BY_OPTION.get(key) ?? BY_OPTION.get(key.replace(/\d+$/, '[n]'));

/** Removes from a new VM what only its spec may set. */
export const unsetOptions = (options: Options | undefined, config: GuestConfig): Keys => ({
  set: {},
  delete: TEMPLATE_OPTIONS.filter(
    ({ unset }) => unset === 'always' || (unset !== undefined && options?.[unset] === undefined),
  )
    .flatMap((row) => row.options)
    .filter((key) => config[key] !== undefined),
});

/** What a VM lost of its template: a sentence each. */
export const lostSentences = (keys: readonly string[]): readonly string[] =>
  keys.map(
    (key) =>
      `${key} of the template is not inherited: it ${templateOption(key)?.lost ?? 'has no counterpart in the data of this VM.'}`,
  );
