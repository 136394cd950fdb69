/**
 * What the campaign sets fields to: for each field of each kind values that mean something, some of which cannot be
 * had. The names are those of the demo's cluster and of `objects.ts`. `values.test.ts` compares it with the CRDs.
 */

/** A field of the spec, as `classRef` or `template.labels`, and what it can become. A list changes as a whole. */
export type Values = Readonly<Record<string, readonly unknown[]>>;

const STATIC = { address: '10.20.30.40/24', gateway: '10.20.30.1', dns: ['10.20.30.2'] };
const SELECTOR = {
  matchLabels: { tier: 'web' },
  matchExpressions: [{ key: 'tier', operator: 'In', values: ['web', 'db'] }],
};
const TERM = { key: 'tier', operator: 'In', values: ['web'], topologyKey: 'node' };
const FAR_TERM = {
  ...TERM,
  namespaceSelector: {
    matchLabels: { 'kubernetes.io/metadata.name': 'default' },
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['default'] }],
  },
};
const TAG_TERM = { pveTags: ['template'], topologyKey: 'zone' };
const SECRET = { name: 'campaign-data', key: 'user-data' };
const HOOK = { exec: { command: ['/bin/true'] } };
const HTTP_HOOK = { httpGet: { port: 8080, path: '/ready', scheme: 'HTTP' } };
const DEVICES = [
  { pciMapping: 'gpu', pcie: true, primaryGPU: false },
  { usbMapping: 'stick', usb3: true },
];

const NETWORKS = [
  [{ name: 'lan' }],
  [{ name: 'lan', bridge: 'vmbr1', vlan: 20, firewall: true, queues: 2 }],
  [{ name: 'lan' }, { name: 'back', bridge: 'vmbr2', model: 'e1000', mtu: 1400, rateLimit: 12.5 }],
  [{ name: 'lan', bridge: 'vmbr9' }],
  [{ name: 'lan', staticIP: STATIC, ipv6: { address: '2001:db8::40/64', gateway: '2001:db8::1' } }],
  [
    { name: 'lan', linkDown: true },
    { name: 'trunk', bridge: 'vmbr0', trunks: [10, '20-30'] },
  ],
  [{ name: 'lan', mac: '02:00:00:00:00:01' }],
];

const LIMITS = { readIOPS: 500, writeIOPS: 400, readMBps: 100, writeMBps: 50 };
const DISKS = [
  [{ name: 'root', size: '30Gi' }],
  [{ name: 'root', size: '10Gi' }],
  [
    { name: 'root', size: '40Gi', discard: true, ssd: true, iothread: true, limits: LIMITS },
    { name: 'data', size: '8Gi', storageClass: 'ssd-storage', cache: 'writeback' },
  ],
  [
    { name: 'root', size: '40Gi', backup: false, replicate: false, aio: 'threads' },
    { name: 'data', size: '12Gi', reclaimPolicy: 'Detach' },
    { name: 'logs', size: '4Gi', bus: 'virtio', reclaimPolicy: 'Delete' },
  ],
  [
    { name: 'root', storageClass: 'ssd-storage' },
    { name: 'copy', importFrom: 'nvme-storage:vm-101-disk-0' },
  ],
  [{ name: 'root' }, { name: 'big', size: '100Ti' }],
];

const USER_DATA = [
  { cloudInit: { inline: '#cloud-config\npackages: [nginx]\n' } },
  { cloudInit: { inline: '#cloud-config\nhostname: other\n' }, onChange: 'NextBoot' },
  { cloudInit: { secretRef: SECRET, format: 'Raw' } },
  { cloudInit: { snippet: 'cephfs:snippets/none.yaml' }, onChange: 'Ignore' },
  { ignition: { inline: '{"ignition":{"version":"3.4.0"}}' } },
  { ignition: { secretRef: SECRET } },
];
const META_DATA = [{ cloudInit: { inline: 'local-hostname: meta\n' } }, { cloudInit: { secretRef: SECRET } }];
const NETWORK_DATA = [{ inline: 'network: {version: 2}\n' }, { secretRef: SECRET }];
const CLASS_REFS = [
  { name: 'class-a' },
  { name: 'class-b' },
  { name: 'none' },
  { name: 'class-a', namespace: 'default' },
];

const VIRTUAL_MACHINE: Values = {
  classRef: CLASS_REFS,
  powerState: ['On', 'Off', 'OffGraceful', 'On', 'On', true],
  networks: NETWORKS,
  disks: DISKS,
  cdroms: [[{ name: 'install', imageRef: { name: 'iso', namespace: 'default' } }], []],
  boot: [[{ disk: 'root' }], [{ network: 'lan' }, { disk: 'root' }], [{ cdrom: 'install' }]],
  devices: [DEVICES, []],
  userData: USER_DATA,
  metaData: META_DATA,
  networkData: NETWORK_DATA,
  sshKeysSecretRef: [{ name: 'campaign-data', key: 'keys' }],
  rebootPolicy: ['Never', 'IfRequired', 'MaintenanceWindow'],
  maintenanceWindow: [{ schedule: '0 3 * * *', duration: '1h', timeZone: 'Europe/Vienna' }],
  driftPolicy: ['Report', 'Revert'],
  tags: [['a'], ['a', 'b'], []],
  description: ['a VM of the campaign', 'two\nlines'],
  startup: [{ order: 2, upDelay: '10s', downDelay: '20s' }, { order: 1 }],
  onBoot: [true, false],
  protection: [true, false],
  guestName: ['Guest-Name'],
  dns: [['192.0.2.1'], []],
  searchDomain: ['example.com'],
  guestAgent: [{ fstrimClonedDisks: true }],
  placement: [{ host: 'pve-2' }, { host: 'pve-3' }, { host: 'pve-9' }, { pool: 'none' }],
  placementRef: [{ name: 'policy' }, { name: 'none' }],
  lifecycle: [
    { gracefulShutdownTimeout: '20s', postStart: HOOK, preStop: HOOK },
    { postStart: HTTP_HOOK, preStop: HTTP_HOOK },
    {
      readinessProbe: { ...HOOK, initialDelay: '1s', period: '5s', timeout: '2s', failureThreshold: 2 },
    },
    { readinessProbe: HTTP_HOOK },
  ],
  managementPolicy: ['Full', 'Full', 'ObserveOnly', 'CreateOnly', 'Paused'],
  deletionPolicy: ['Delete', 'Delete', 'Retain', 'Stop'],
};

const EFI = { preEnrolledKeys: true, type: '4m' };

const VM_CLASS: Values = {
  cpus: [1, 2, 4, 300],
  maxCpus: [4, 8],
  memory: ['1Gi', '2Gi', '3Gi', '4Ti'],
  maxMemory: ['4Gi', '8Gi'],
  minMemory: ['512Mi'],
  cpuType: ['host', 'x86-64-v2-AES'],
  spec: [
    { machine: 'q35', bios: 'uefi', osType: 'l26', scsiController: 'virtio-scsi-single', efi: EFI },
    { tpm: 'v2.0', bios: 'ovmf' },
  ],
  hardware: [
    { numa: true, sockets: 2, hugepages: '2Mi' },
    { vga: { type: 'serial0', memory: '32Mi' }, serial: 2, tablet: false },
    { audio: { device: 'ich9-intel-hda', driver: 'none' } },
    { rng: { source: 'urandom', maxBytes: 1024, periodMillis: 1000 } },
  ],
  devices: [DEVICES, []],
  storage: [{ class: 'ssd-storage', type: 'thin' }],
};

const VM_IMAGE: Values = { source: ['ubuntu-22-template', 9000, 'no-such-template'] };

const VM_PLACEMENT_POLICY: Values = {
  nodeSelector: [['pve-1', 'pve-2'], ['pve-9']],
  antiAffinity: [[TERM], [FAR_TERM], [TAG_TERM], []],
  affinity: [[TERM], [FAR_TERM], [TAG_TERM], []],
  preferredAntiAffinity: [
    [
      { weight: 10, term: TERM },
      { weight: 5, term: TAG_TERM },
      { weight: 5, term: FAR_TERM },
    ],
  ],
  preferredAffinity: [
    [
      { weight: 10, term: TERM },
      { weight: 5, term: TAG_TERM },
      { weight: 5, term: FAR_TERM },
    ],
  ],
  topologySpread: [
    [{ maxSkew: 1, topologyKey: 'node', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: SELECTOR }],
  ],
  constraints: [{ maxVMsPerNode: 2, minFreeMemory: '1Gi' }, { maxVMsPerNode: 50 }],
};

const VM_SNAPSHOT: Values = {
  description: ['another text'],
  deletionPolicy: ['Delete', 'Retain'],
  failureDeadline: ['1h'],
};

const VM_SNAPSHOT_SCHEDULE: Values = {
  schedule: ['* * * * *', '0 0 1 1 *'],
  timeZone: ['Europe/Vienna'],
  suspend: [true, false],
  concurrencyPolicy: ['Allow', 'Forbid'],
  startingDeadline: ['30s'],
  selector: [SELECTOR, { matchLabels: { tier: 'none' } }],
  template: [
    {
      labels: { from: 'schedule' },
      annotations: { note: 'campaign' },
      description: 'scheduled',
      includeMemory: true,
      deletionPolicy: 'Delete',
      failureDeadline: '5m',
    },
  ],
  retention: [{ keepLast: 1, keepFor: '1m' }, { keepLast: 2 }],
  skipAboveStorageUsage: [1, 90],
};

const PROVIDER: Values = {
  nodeSelector: [['pve-1', 'pve-2', 'pve-3'], ['pve-1']],
  zones: [{ a: ['pve-1'], b: ['pve-2', 'pve-3'] }],
  'defaults.storage': ['nvme-storage', 'ssd-storage'],
  'defaults.isoStorage': ['cephfs'],
  'defaults.bridge': ['vmbr0', 'vmbr1'],
  'defaults.vmIdRange': [{ start: 200, end: 4999 }],
  'defaults.placementRef': [{ name: 'policy' }],
  deletionProtection: [{ maxPerMinute: 100 }],
  runtime: [{ mode: 'Remote', image: 'example.com/provider:1', service: { port: 9090 } }],
};

export const VALUES = {
  VirtualMachine: VIRTUAL_MACHINE,
  VMClass: VM_CLASS,
  VMImage: VM_IMAGE,
  VMPlacementPolicy: VM_PLACEMENT_POLICY,
  VMSnapshot: VM_SNAPSHOT,
  VMSnapshotSchedule: VM_SNAPSHOT_SCHEDULE,
  Provider: PROVIDER,
} as const satisfies Readonly<Record<string, Values>>;
export type Edited = keyof typeof VALUES;

const COPY = 'is set when the copy is made, from the same values as a VM';
/** What no edit changes, by the beginning of its path, and why. */
export const NOT_EDITED: Readonly<Record<string, string>> = {
  'VirtualMachine.providerRef': 'cannot be changed',
  'VirtualMachine.imageRef': 'cannot be changed',
  'VirtualMachine.cloneFrom': 'cannot be changed; VMClones set it',
  'VirtualMachine.vmid': 'cannot be changed',
  'VirtualMachine.adopt': 'cannot be changed',
  'VMClone.': COPY,
  'VMImage.sourceTag': 'excludes the source',
  'VMImage.download': 'excludes the source',
  'VMImage.template': 'only with a download',
  'VMImage.deletionPolicy': 'only with a download',
  'VMSnapshot.vmRef': 'cannot be changed',
  'VMSnapshot.includeMemory': 'cannot be changed; drawn when the snapshot is taken',
  'VMSnapshot.revert': 'a revert is an action of its own',
  'Provider.type': 'has one value',
  'Provider.endpoint': 'the fake has one address',
  'Provider.endpoints': 'the fake has one address',
  'Provider.credentialSecretRef': 'there is one Secret',
  'Provider.insecureSkipVerify': 'the certificate of the fake is trusted',
  'Provider.tls': 'the certificate of the fake is trusted',
  'Provider.defaults.pool': 'the cluster has no pool',
  'Provider.grants': 'one namespace',
  'Provider.ha': 'the credentials may not, as in the document',
  'Provider.runtime.env': 'has no effect',
};
