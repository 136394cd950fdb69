/** The dependency rules of docs/architecture.md, as an executable check. */
const only = (from, allowed) => ({
  name: `${from.replace(/[\^\\/$]/g, '')}-depends-only-on-its-own-layer`,
  severity: 'error',
  from: { path: from },
  to: { pathNot: [...allowed, from] },
});
const npm = (...names) => names.map((name) => `(^|/)node_modules/(@types/)?${name}(/|$)`);
const node = [
  '^node:',
  '^(assert|buffer|crypto|events|fs|http|https|net|os|path|stream|tls|url|util|zlib|child_process|timers|worker_threads)(/|$)',
];

/** Imports go down only: a folder imports what stands above it in its list, and nothing below. */
const downOnly = (root, layers) =>
  layers.slice(0, -1).map((layer, i) => ({
    name: `${root.replaceAll('/', '-')}-${layer.replaceAll(/[^a-z]+/g, '-')}-imports-no-layer-above-it`,
    severity: 'error',
    from: { path: `^${root}/${layer}` },
    to: { path: layers.slice(i + 1).map((above) => `^${root}/${above}`) },
  }));

/** What kinds share, from the ground up. */
const SHARED_LAYERS = [
  'errors/',
  'objects/',
  'grants/',
  'plan/',
  'guests/',
  'images/',
  'limits/',
  'cluster/',
  'placement/',
  'tasks/',
];

/** Nouns, the subjects of a VM, then the verbs of a pass, from the ground up. */
const VIRTUAL_MACHINE_LAYERS = [
  'model/',
  'ownership/',
  'networks/',
  'disks/',
  'cdroms/',
  'config/',
  'cloud-init/',
  'guest-agent/',
  'placement/',
  'restart/',
  'revert/',
  'steps/',
  'plan/rules/',
  'plan/(clone-gate|leaving|management|move-gate|plan)\\.ts$',
  'resolve/',
  'observe/',
  'perform/',
  'report/',
  'slots\\.ts$',
  'take-step\\.ts$',
  'settled\\.ts$',
  'unresolved\\.ts$',
  'outage\\.ts$',
  'controller\\.ts$',
];

/** The same for a snapshot. */
const SNAPSHOT_LAYERS = [
  'model/',
  'naming/',
  'resolve/',
  'revert/',
  'observe/',
  'plan/rules/',
  'plan/plan\\.ts$',
  'perform/',
  'report/',
  'controller\\.ts$',
];

const CONTROLLER_LAYERS = [
  'shared/',
  '(provider|vmclass|vmclone|vmimage|vmplacementpolicy|virtualmachine|vmsnapshot|vmsnapshotschedule)/',
  'index\\.ts$',
];

/** Mechanism, from the ground up; the rules by folder below say more. */
const SOURCE_LAYERS = [
  'lib/',
  'api/',
  '(cloudinit|download|pve|runtime)/',
  '(kube|telemetry)/',
  '(cmd|cli)/',
];

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    ...downOnly('controllers', CONTROLLER_LAYERS),
    ...downOnly('controllers/shared', SHARED_LAYERS),
    ...downOnly('controllers/virtualmachine', VIRTUAL_MACHINE_LAYERS),
    ...downOnly('controllers/vmsnapshot', SNAPSHOT_LAYERS),
    ...downOnly('src', SOURCE_LAYERS),
    only('^src/lib/', [...node]),
    only('^src/api/', ['^src/lib/', ...npm('zod')]),
    only('^src/cloudinit/', ['^src/(lib|api)/', ...node, ...npm('yaml', 'zod', 'ipaddr\\.js')]),
    only('^src/download/', [
      '^src/lib/',
      ...node,
      '^(dns|stream)(/|$)',
      ...npm('undici', 'undici-types', 'zod', 'ipaddr\\.js', 'xz-decompress', 'unbzip2-stream'),
    ]),
    only('^src/pve/', ['^src/lib/', ...node, ...npm('undici', 'undici-types', 'zod')]),
    only('^src/runtime/', ['^src/lib/', ...node, ...npm('pino')]),
    only('^src/telemetry/', [
      '^src/lib/',
      '^src/runtime/',
      ...node,
      ...npm('pino', 'pino-pretty', 'prom-client'),
    ]),
    only('^src/kube/', [
      '^src/lib/',
      '^src/api/',
      '^src/runtime/',
      ...node,
      ...npm('@kubernetes/client-node', 'undici', 'zod', 'pino'),
    ]),
    only('^controllers/', [
      '^src/lib/',
      '^src/api/',
      '^src/(pve|cloudinit|download)/index\\.ts$',
      '^src/runtime/(controller|outcome)\\.ts$',
      ...npm('zod', 'yaml', 'ipaddr\\.js', 'croner', 'pino'),
    ]),
    // The plugins of kubectl know the API and the cluster, and nothing of what the operator does.
    only('^src/cli/', ['^src/(lib|api|kube|runtime)/', ...node, ...npm('zod', 'yaml')]),
    only('^src/cmd/check/', [
      '^src/(lib|api|kube|runtime)/',
      '^src/pve/index\\.ts$',
      '^controllers/index\\.ts$',
      ...node,
      '^dns(/|$)',
      ...npm('zod'),
    ]),
    {
      name: 'controllers-of-one-kind-do-not-know-another',
      severity: 'error',
      from: { path: '^controllers/([^/]+)/' },
      to: { path: '^controllers/([^/]+)/', pathNot: ['^controllers/$1/', '^controllers/shared/'] },
    },
    {
      name: 'nobody-imports-main',
      severity: 'error',
      from: { pathNot: '^hack/' },
      to: { path: '^src/cmd/main\\.ts$' },
    },
    {
      name: 'source-does-not-import-tests-or-hack',
      severity: 'error',
      from: { path: '^(src|controllers)/' },
      to: { path: '^(test|hack)/' },
    },
    {
      name: 'the-fake-reads-pve-for-itself',
      severity: 'error',
      from: { path: '^test/fakepve/' },
      to: { path: '^(src/(pve|kube|runtime|api|telemetry)|controllers|hack)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
