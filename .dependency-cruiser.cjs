/** The dependency rule of docs/architecture.md, as an executable check. */
const only = (from, allowed) => ({
  name: `${from.replace(/[\^\\/$]/g, '')}-depends-only-on-its-own-layer`,
  severity: 'error',
  from: { path: from },
  to: { pathNot: [...allowed, from] },
});
const npm = (...names) => names.map((name) => `(^|/)node_modules/(@types/)?${name}(/|$)`);
const node = [
  '^node:',
  '^(assert|buffer|crypto|events|fs|http|https|net|os|path|stream|tls|url|util|zlib|child_process|timers)(/|$)',
];

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    only('^src/lib/', [...node]),
    only('^src/api/', ['^src/lib/', ...npm('zod')]),
    only('^src/cloudinit/', ['^src/(lib|api)/', ...node, ...npm('yaml', 'zod', 'ipaddr\\.js')]),
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
      '^src/(pve|cloudinit)/index\\.ts$',
      '^src/runtime/(controller|outcome)\\.ts$',
      ...npm('zod', 'yaml', 'ipaddr\\.js', 'croner', 'pino'),
    ]),
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
