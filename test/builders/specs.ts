/** Specs as users might write them, valid and invalid ones, biased towards edge cases. */
import fc, { type Arbitrary } from './fast-check.ts';

/** Mostly a valid value: in a spec of many fields, a single invalid one shows which field is refused. */
const field = <T>(right: Arbitrary<T>, ...wrong: readonly unknown[]): Arbitrary<unknown> =>
  fc.oneof({ weight: 60, arbitrary: right }, { weight: 1, arbitrary: fc.constantFrom(...wrong) });

const record = (
  fields: Readonly<Record<string, Arbitrary<unknown>>>,
  ...requiredKeys: readonly string[]
): Arbitrary<unknown> => fc.record(fields, { requiredKeys: [...requiredKeys], noNullPrototype: true });

const name = field(
  fc.constantFrom('a', 'a.b', 'web-server', '9', 'x'.repeat(253)),
  ...['', 'A', 'a_b', '-a', 'a-', 'a b', 'ä', 'x'.repeat(254), 7, {}],
);
const namespace = field(fc.constantFrom('default', 'x'.repeat(63)), 'a.b', '', 'x'.repeat(64), true);
const ref = record({ name, namespace }, 'name');
const key = field(fc.constantFrom('userdata', 'ca.crt', '_-.'), '', 'a/b', 'ö', 1);
const keyRef = record({ name, key }, 'name', 'key');
const secretRef = record({ name, key }, 'name');
const text = field(fc.oneof(fc.string(), fc.constant('🐧'.repeat(300))), 1, false, []);
const flag = field(fc.boolean(), 'true', 1);
const node = field(fc.constantFrom('pve-1', 'PVE', '1'), 'pve_1', 'pve.1', '', 'x'.repeat(64));
const storage = field(fc.constantFrom('local-lvm', 'ab', 'a.b_c9'), 'a', '9a', 'a-', 'a/b');
const bridge = field(
  fc.constantFrom('vmbr0', 'v', 'a_b.c-d', 'x'.repeat(15)),
  'vmbr 0',
  '',
  'x'.repeat(16),
  'a b',
);
const vmid = field(
  fc.oneof(fc.integer({ min: 100, max: 999_999_999 }), fc.constantFrom(100, 999_999_999)),
  99,
  1e9,
  '100',
  100.5,
);

/** May be longer than a day. */
const span = field(fc.constantFrom('1m', '36h', '30d', '99999d'), '0d', '1s', '1.5h', '100000m', '1h30m', 5);
const texts = field(
  fc.constantFrom({}, { app: 'web' }, { 'example.com/a': '' }, { a: 'x'.repeat(63) }),
  ...[{ a: 1 }, [], 'a', Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, '']))],
);

const range = record({ start: vmid, end: vmid }, 'start', 'end');
const limited = (item: Arbitrary<unknown>) => fc.array(item, { minLength: 1, maxLength: 2 });
const guests = fc.array(
  record({
    vmIdRange: range,
    pool: field(fc.constantFrom('k8s', 'k8s/web'), 'a b', '/a'),
    tag: field(fc.constantFrom('golden', 'A_b'), 'a b', ''),
  }),
  { maxLength: 2 },
);
const labelKey = field(fc.constantFrom('vm.type', 'example.com/role', 'A'), '', 'a b', '/a', 'a/');
const labelValues = fc.array(field(fc.constantFrom('database', '', 'A_1'), 'a b', '-a'), {
  minLength: 1,
  maxLength: 2,
});
const term = fc.oneof(
  record(
    { key: labelKey, operator: fc.constantFrom('In', 'NotIn'), values: labelValues },
    'key',
    'operator',
    'values',
  ),
  record({ key: labelKey, operator: fc.constantFrom('Exists', 'DoesNotExist') }, 'key', 'operator'),
  record({ key: labelKey, operator: fc.constantFrom('In', 'Exists', 'Gt'), values: labelValues }, 'key'),
);

const placementTerm = fc.oneof(
  term,
  record({ pveTags: fc.array(field(fc.constantFrom('db', 'a_b'), 'a b', ''), { maxLength: 2 }) }),
  record({
    key: labelKey,
    operator: fc.constantFrom('Exists', 'DoesNotExist'),
    topologyKey: field(fc.constantFrom('node', 'zone'), 'rack'),
  }),
);
const weighted = record(
  { weight: field(fc.constantFrom(1, 100), 0, 101, '1'), term: placementTerm },
  'weight',
  'term',
);

const names = limited(field(fc.constantFrom('team-a', '*'), 'a*', 'a.b', '', '**'));
const selector = record({
  matchLabels: fc.dictionary(
    fc.constantFrom('team', 'example.com/team'),
    field(fc.constantFrom('a', ''), 'a b'),
    {
      maxKeys: 2,
    },
  ),
  matchExpressions: fc.array(term, { maxLength: 2 }),
});

const grant = record(
  {
    namespaces: fc.oneof(
      { weight: 3, arbitrary: record({ names }, 'names') },
      { weight: 2, arbitrary: record({ selector }, 'selector') },
      { weight: 1, arbitrary: record({ names, selector }) },
    ),
    nodes: limited(node),
    storages: limited(storage),
    bridges: limited(bridge),
    vmIdRange: range,
    deletionPolicies: limited(field(fc.constantFrom('Delete', 'Retain', 'Stop'), 'delete')),
    quotas: record({ vms: field(fc.nat(9), -1), cpus: field(fc.nat(99), -1) }),
    adopt: guests,
    sources: guests,
    volumes: limited(field(fc.constantFrom('local:import/*', 'ab:*', 'ab:c'), '*', 'local:*x', 'local')),
    snippets: limited(
      field(fc.constantFrom('local:snippets/a.yaml', 'ab:snippets/*'), 'local:*', 'ab:snippets/a/*'),
    ),
  },
  'namespaces',
);

const suffix = fc.constantFrom(
  '',
  'm',
  'u',
  'k',
  'K',
  'M',
  'G',
  'T',
  'P',
  'E',
  'Ki',
  'Mi',
  'Gi',
  'Ti',
  'Pi',
  'Ei',
  'ki',
  'e3',
  'E3',
  'e+3',
  'e-3',
  'e',
  'B',
);
const number = fc.oneof(
  fc.nat(4096).map(String),
  fc.tuple(fc.nat(99), fc.nat(999)).map(([whole, fraction]) => `${whole}.${fraction}`),
  fc.constantFrom(
    '.5',
    '5.',
    '',
    '.',
    '+4',
    '-4',
    '0',
    '1048576',
    '1048575',
    '16777216',
    '16777215.5',
    '70368744177664',
  ),
);
const quantity = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('4Gi', '16Mi', '1.5Gi', '8000M', 4_294_967_296, '4e9') },
  { weight: 1, arbitrary: fc.tuple(number, suffix).map(([n, s]) => n + s) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      4,
      -1,
      16_777_215,
      16_777_216,
      2 ** 60,
      1.5,
      true,
      '64Ti',
      '1Pi',
      '8Ei',
    ),
  },
);

const address = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom('192.168.1.1', 'fd00::1', '::1', '255.255.255.255', '2001:db8::192.0.2.1'),
  },
  { weight: 2, arbitrary: fc.oneof(fc.ipV4(), fc.ipV6()) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      '01.2.3.4',
      '1.2.3',
      'fe80::1%eth0',
      '::ffff:1.2.3.4',
      '::ffff:c0a8:101',
      '[::1]',
      'host',
    ),
  },
);
const prefix = fc.oneof(
  { weight: 8, arbitrary: fc.nat(32).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('128', '129', '33', '', '024', '-1') },
);
const cidr = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(address, prefix).map(([a, p]) => `${a}/${p}`) },
  { weight: 1, arbitrary: address },
);
const mac = field(
  fc.constantFrom('02:00:00:aa:bb:cc', '0E:FF:00:AA:BB:CC'),
  ...['01:00:5e:00:00:01', '02-00-00-aa-bb-cc', '02:00:00:aa:bb', '02:00:00:aa:bb:cg'],
);
const network = record(
  {
    name: field(fc.constantFrom('lan', 'dmz', 'mgmt', 'vmbr0', '9'), '', 'LAN', 'a.b', 'x'.repeat(64)),
    bridge,
    vlan: field(fc.constantFrom(1, 100, 4094), 0, 4095, '100', 1.5),
    mac,
    model: field(fc.constantFrom('virtio', 'e1000', 'e1000e', 'rtl8139', 'vmxnet3'), 'ne2000', ''),
    staticIP: fc.oneof(
      fc.constantFrom(
        { address: '192.168.1.100/24', gateway: '192.168.1.1' },
        { address: '192.168.1.0/24', gateway: '192.168.1.1' },
        { address: '192.168.1.100/24', gateway: '192.168.2.1' },
        { address: '192.0.2.9/32', gateway: '198.51.100.1' },
        { address: '192.0.2.8/31', gateway: '192.0.2.9' },
        { address: '169.254.0.9/16', gateway: '169.254.0.1' },
        { address: '192.0.2.9/24', gateway: '169.254.0.1' },
        { address: 'fd00::2/64', gateway: 'FE80::1' },
        { address: 'fd00::/64', gateway: 'fd00::1' },
      ),
      record({ address: cidr, gateway: address, dns: fc.array(address, { maxLength: 3 }) }, 'address'),
    ),
    ipv6: record(
      {
        address: fc.oneof(
          { weight: 3, arbitrary: fc.constantFrom('auto', 'dhcp', 'fd00::9/64', '2001:db8::1/128') },
          { weight: 1, arbitrary: fc.oneof(cidr, fc.constantFrom('', 'slaac', 'AUTO')) },
        ),
        gateway: fc.oneof(fc.constantFrom('fd00::1', 'fd01::1', 'fe80::1'), address),
      },
      'address',
    ),
    mtu: field(fc.constantFrom(1, 576, 1500, 65_520), 0, 2, 575, 65_521, '1500'),
    firewall: flag,
    rateLimit: field(fc.constantFrom(0.01, 12.5, 100_000), 0, 0.001, 100_001, '10'),
    trunks: fc.array(
      field(
        fc.constantFrom<unknown>(1, 4094, '10', '10-20', '4094'),
        0,
        4095,
        '0',
        '4095',
        '10-',
        '010',
        1.5,
      ),
      { maxLength: 3 },
    ),
    linkDown: flag,
  },
  'name',
);
const disk = record(
  {
    name: field(fc.constantFrom('root', 'data', 'a-1', 'x'.repeat(63)), '', 'DATA', 'a.b', '-a'),
    size: quantity,
    storageClass: storage,
    importFrom: field(
      fc.constantFrom('local:import/data.qcow2', 'a.b:vm-101-disk-0', 'nfs:101/vm-101-disk-0.raw'),
      ...['/dev/sda', 'local:a,b=c', 'local:', 'local: a', 'none'],
    ),
    cache: field(fc.constantFrom('none', 'writeback', 'unsafe'), 'off', ''),
    discard: flag,
    ssd: flag,
    iothread: flag,
    limits: record({
      readIOPS: field(fc.constantFrom(0, 100, 10_000_000), -1, 10_000_001, '100', 1.5),
      writeMBps: field(fc.constantFrom(0, 50), -1, 0.5),
    }),
    reclaimPolicy: field(fc.constantFrom('Delete', 'Detach'), 'Retain', ''),
  },
  'name',
);
const duration = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom('60s', '5m', '24h', '1h30m', '0s', '1.5s', '250ms', '999999.999ms'),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('60', '', '25h', '24h1ms', '1d', '-1s', '1us', '1234567s', '1h'.repeat(17)),
  },
);

const hook = record(
  {
    exec: record({ command: field(fc.array(text, { minLength: 1, maxLength: 3 }), [], 'true') }, 'command'),
  },
  'exec',
);

/** Most of these fields exclude others. */
const userDataFormat = field(fc.constantFrom('Raw', 'Base64'), 'raw', '');

const ownData = record({
  metaData: record({ cloudInit: record({ inline: text, secretRef }) }),
  networkData: record({ inline: text }, 'inline'),
  userData: record({ ignition: record({ inline: text }, 'inline'), onChange: fc.constant('Ignore') }),
});

const sometimesWith = (more: Arbitrary<unknown>, usual: Arbitrary<unknown>): Arbitrary<unknown> =>
  fc
    .tuple(usual, fc.oneof({ weight: 6, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: more }))
    .map(([spec, added]) => Object.assign({}, spec, added));

const maintenanceWindow = record(
  {
    schedule: field(
      fc.constantFrom('0 2 * * SAT', '*/15 * * * *', '0,30 1-5/2 L JAN-MAR 1#2', '59 23 31 12 7'),
      ...['', '@daily', '60 * * * *', '* * * *', '* * * * * *', '0 24 * * *', '0 0 0 1 *', 'a b c d e'],
    ),
    duration: field(fc.constantFrom('1m', '2h', '24h'), '59s', '25h', '', 'long'),
    timeZone: field(fc.constantFrom('UTC', 'Europe/Berlin', 'Etc/GMT+1'), '', 'Europe/', ' UTC', 'a/b/c/d'),
  },
  'schedule',
  'duration',
);

const userData = record({
  cloudInit: fc.oneof(
    { weight: 6, arbitrary: record({ inline: text, format: userDataFormat }, 'inline') },
    { weight: 1, arbitrary: record({ inline: text, secretRef }) },
    {
      weight: 2,
      arbitrary: record(
        {
          snippet: field(fc.constantFrom('local:snippets/a.yaml', 'ab:snippets/_'), 'local:iso/a', 'a'),
          format: userDataFormat,
        },
        'snippet',
      ),
    },
  ),
  onChange: field(fc.constantFrom('Report', 'Ignore', 'NextBoot'), 'Reboot', ''),
});

const powerState = field(
  fc.constantFrom<unknown>('On', 'Off', 'OffGraceful', true, false),
  'on',
  'Paused',
  'true',
  1,
  {},
);

const tags = fc.array(field(fc.constantFrom('web', 'A', '_x.y+z-1', '9'), '-a', 'a b', 'ä', '', 'a;b'), {
  maxLength: 3,
});

const cloneTarget = sometimesWith(
  ownData,
  record({
    name,
    namespace,
    classRef: ref,
    placementRef: record({ name }, 'name'),
    networks: fc.array(network, { maxLength: 2 }),
    userData,
    sshKeysSecretRef: secretRef,
    tags,
    powerState,
  }),
);

/** One arbitrary a kind. */
export const specs: Readonly<Record<string, Arbitrary<unknown>>> = {
  Provider: record(
    {
      type: field(fc.constant('proxmox'), 'vsphere', ''),
      endpoint: field(
        fc.constantFrom(
          'https://pve:8006',
          'http://127.0.0.1:1',
          'https://[fd00::1]:8006/api2/',
          'https://a.b/api2/json',
        ),
        ...[
          'pve:8006',
          'https://',
          'https://u:p@pve',
          'https://pve:0',
          'https://pve:65536',
          'https://pve/x',
          'HTTPS://pve',
        ],
      ),
      endpoints: fc.array(field(fc.constantFrom('https://pve-2', 'https://[::1]:8006/api2'), 'pve-2', ''), {
        maxLength: 2,
      }),
      tls: record({
        caBundle: field(fc.constant('-----BEGIN CERTIFICATE-----\nMIIB\n'), '', 'MIIB'),
        fingerprints: fc.array(
          field(
            fc.constantFrom('ab'.repeat(32), `${'AB:'.repeat(31)}AB`),
            'AB',
            'AB:'.repeat(32),
            `${'AB:'.repeat(32)}AB`,
            'G'.repeat(64),
          ),
          { maxLength: 2 },
        ),
      }),
      credentialSecretRef: ref,
      insecureSkipVerify: flag,
      nodeSelector: fc.array(node, { maxLength: 3 }),
      defaults: record({
        storage,
        isoStorage: storage,
        bridge,
        vmIdRange: record({ start: vmid, end: vmid }, 'start', 'end'),
        placementRef: record({ name }, 'name'),
      }),
      zones: field(
        fc.constantFrom({}, { a: ['pve-1'], b: ['pve-2', 'pve-3'] }),
        { a: [] },
        { a: 'pve-1' },
        [],
      ),
      grants: fc.array(grant, { maxLength: 2 }),
      runtime: record({
        mode: field(fc.constantFrom('Remote', 'InProcess'), 'remote'),
        image: text,
        service: record({ port: field(fc.constantFrom(1, 9090, 65_535), 0, 65_536) }),
        env: fc.array(
          fc.oneof(
            record(
              { name: field(fc.constantFrom('A', 'PVE_TOKEN_ID', '_9'), '', '9A', 'A-B'), value: text },
              'name',
              'value',
            ),
            record(
              {
                name: fc.constantFrom('B', 'C'),
                value: text,
                valueFrom: record({ secretKeyRef: keyRef, configMapKeyRef: keyRef }),
              },
              'name',
            ),
          ),
          { maxLength: 2 },
        ),
      }),
    },
    'type',
  ),
  VirtualMachine: sometimesWith(
    ownData,
    record(
      {
        providerRef: ref,
        classRef: ref,
        imageRef: ref,
        cloneFrom: fc.oneof(
          { weight: 6, arbitrary: fc.constant(undefined) },
          { weight: 1, arbitrary: record({ vmRef: ref, snapshotRef: ref, linked: flag }) },
        ),
        powerState,
        placementRef: record({ name }, 'name'),
        networks: fc.array(network, { maxLength: 2 }),
        disks: fc.array(disk, { maxLength: 2 }),
        cdroms: fc.array(
          record(
            { name: field(fc.constantFrom('install', 'a-1'), 'A', ''), imageRef: ref },
            'name',
            'imageRef',
          ),
          { maxLength: 2 },
        ),
        boot: fc.array(
          fc.oneof(
            {
              weight: 20,
              arbitrary: fc.constantFrom<unknown>({ disk: 'root' }, { cdrom: 'install' }, { network: 'lan' }),
            },
            {
              weight: 1,
              arbitrary: fc.constantFrom<unknown>(
                { disk: 'data' },
                {},
                { disk: 'root', network: 'lan' },
                { cdrom: 'A' },
              ),
            },
          ),
          { minLength: 1, maxLength: 3 },
        ),
        userData,
        sshKeysSecretRef: secretRef,
        placement: record({ host: node }),
        rebootPolicy: field(fc.constantFrom('Never', 'IfRequired'), 'Always', 'MaintenanceWindow'),
        maintenanceWindow,
        driftPolicy: field(fc.constantFrom('Report', 'Revert'), 'Ignore', ''),
        managementPolicy: field(
          fc.constantFrom('Full', 'ObserveOnly', 'CreateOnly', 'Paused'),
          'full',
          'None',
          true,
        ),
        deletionPolicy: field(fc.constantFrom('Delete', 'Retain', 'Stop'), 'delete', 'Orphan', 1),
        lifecycle: record({ gracefulShutdownTimeout: duration, postStart: hook, preStop: hook }),
        tags,
        description: field(
          fc.oneof(fc.string(), fc.constant('virtrigaud')),
          'a\nvirtrigaud: x',
          'x'.repeat(4097),
        ),
        startup: fc.oneof(
          { weight: 9, arbitrary: record({ order: field(fc.nat(9), -1, '1'), upDelay: duration }, 'order') },
          { weight: 1, arbitrary: record({ order: fc.nat(9), downDelay: duration }) },
        ),
        onBoot: flag,
        protection: flag,
      },
      'providerRef',
      'classRef',
      'imageRef',
    ),
  ),
  VMClass: record(
    {
      cpus: field(fc.constantFrom(1, 2, 1024), 0, 1025, '2', 1.5),
      maxCpus: field(fc.constantFrom(2, 1024), 1, 0, 1025, '2'),
      memory: quantity,
      maxMemory: quantity,
      cpuType: field(fc.constantFrom('host', 'x86-64-v2-AES', 'custom-my_cpu'), '-host', '', 'a,b'),
      spec: record({
        machine: field(fc.constantFrom('q35', 'pc', 'pc-q35-9.0', 'pc-i440fx-8.1+pve1'), 'q36', 'pc-q35', ''),
        bios: field(fc.constantFrom('uefi', 'ovmf', 'bios', 'seabios'), 'UEFI', ''),
      }),
      storage: record({ class: storage, type: field(fc.constantFrom('thin', 'thick'), 'ssd') }),
    },
    'cpus',
    'memory',
  ),
  VMImage: record(
    {
      source: field(
        fc.oneof(
          fc.constantFrom<unknown>(
            'ubuntu-22-template',
            'a',
            'A.b',
            '9000',
            9000,
            100,
            999_999_999,
            '9000-x',
            'x'.repeat(255),
            'local:iso/x.iso',
            'a-1.b:iso/X_1+2.3~@.ImG',
          ),
          fc.string(),
          fc.integer(),
        ),
        ...[
          '',
          '99',
          '099',
          '0100',
          '1000000000',
          'https://a/b',
          'local:iso/x',
          'local:iso/a=b.iso',
          'local:iso/virtrigaud-101-ab.iso',
          'a b',
          'a_b',
          '-a',
          'x'.repeat(256),
          1.5,
          true,
          {},
        ],
      ),
    },
    'source',
  ),
  VMSnapshot: record({ vmRef: record({ name }, 'name'), description: text, includeMemory: flag }, 'vmRef'),
  VMSnapshotSchedule: record(
    {
      schedule: field(
        fc.constantFrom('0 2 * * *', '*/30 1-3 L * SAT', '@daily', '@hourly', '0 0 30 2 *'),
        ...['@reboot', '* * * *', '60 2 * * *', '', 1, 'daily'],
      ),
      timeZone: field(fc.constantFrom('Europe/Berlin', 'UTC', 'Mars/Olympus'), '+02:00', 'a b', ''),
      suspend: flag,
      concurrencyPolicy: field(fc.constantFrom('Forbid', 'Allow'), 'Replace', ''),
      startingDeadline: span,
      selector: record({ matchLabels: texts, matchExpressions: fc.array(term, { maxLength: 2 }) }),
      template: record({
        labels: texts,
        annotations: texts,
        description: text,
        includeMemory: flag,
        deletionPolicy: field(fc.constantFrom('Delete', 'Retain'), 'Keep'),
        failureDeadline: duration,
      }),
      retention: record({ keepLast: field(fc.constantFrom(1, 1000), 0, 1001, '1'), keepFor: span }),
      skipAboveStorageUsage: field(fc.constantFrom(1, 100), 0, 101, '80%'),
    },
    'schedule',
    'selector',
  ),
  VMClone: fc.oneof(
    {
      weight: 6,
      arbitrary: record({ sourceVMRef: ref, linkedClone: flag, target: cloneTarget }, 'sourceVMRef'),
    },
    {
      weight: 2,
      arbitrary: record(
        { sourceSnapshotRef: ref, linkedClone: flag, target: cloneTarget },
        'sourceSnapshotRef',
      ),
    },
    { weight: 1, arbitrary: record({ sourceVMRef: ref, sourceSnapshotRef: ref }) },
  ),
  VMPlacementPolicy: record({
    nodeSelector: fc.array(node, { maxLength: 2 }),
    antiAffinity: fc.array(placementTerm, { maxLength: 2 }),
    affinity: fc.array(placementTerm, { maxLength: 2 }),
    preferredAffinity: fc.array(weighted, { maxLength: 2 }),
    preferredAntiAffinity: fc.array(weighted, { maxLength: 2 }),
    topologySpread: fc.array(
      record({
        maxSkew: field(fc.constantFrom(1, 5), 0, 10_001, '1'),
        topologyKey: field(fc.constantFrom('node', 'zone'), 'rack', 1),
        whenUnsatisfiable: field(fc.constantFrom('DoNotSchedule', 'ScheduleAnyway'), 'Never', 1),
        labelSelector: record({ matchLabels: texts, matchExpressions: fc.array(term, { maxLength: 2 }) }),
      }),
      { maxLength: 2 },
    ),
    constraints: record({
      maxVMsPerNode: field(fc.constantFrom(1, 10, 10_000), 0, 10_001, '1'),
      minFreeMemory: quantity,
    }),
  }),
};
