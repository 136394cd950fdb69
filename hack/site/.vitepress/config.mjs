/** The pages as they are in the repository, so that each link works there and on the site. */
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

const packageFile = (name) => fileURLToPath(import.meta.resolve(name));

const section = (text, items) => ({
  text,
  items: items.map(([title, link]) => ({ text: title, link: `/${link}` })),
});

export default {
  title: 'virtrigaud-proxmox',
  description: 'Run Proxmox VE virtual machines from Kubernetes',
  srcDir: root,
  srcExclude: ['**/node_modules/**', 'test/**', 'hack/**', 'dist/**'],
  outDir: `${root}dist/site`,
  rewrites: { 'README.md': 'index.md' },
  cleanUrls: true,
  // Links to manifests and sources, which are no pages. test/unit/docs/pages.test.ts follows all of them.
  ignoreDeadLinks: true,
  // The pages are above the packages of this folder, so that they do not find them by themselves.
  vite: {
    resolve: {
      alias: [
        { find: /^vue\/server-renderer$/, replacement: packageFile('vue/server-renderer') },
        { find: /^vue$/, replacement: packageFile('vue') },
      ],
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: [
      section('Start', [
        ['Overview', ''],
        ['Quick start', 'docs/quick-start'],
        ['Samples', 'deploy/samples/README'],
        ['Support matrix', 'docs/support'],
        ['Questions', 'docs/faq'],
      ]),
      section('Guides', [
        ['Making a template', 'docs/guides/template'],
        ['Windows', 'docs/guides/windows'],
        ['Talos and Flatcar', 'docs/guides/talos-and-flatcar'],
        ['TLS and rotation', 'docs/guides/tls-and-rotation'],
        ['High availability', 'docs/guides/high-availability'],
        ['Tenants', 'docs/guides/multi-tenant'],
        ['Backup and restore', 'docs/guides/backup-and-restore'],
        ['Guests: data for each system', 'docs/guests'],
        ['GitOps', 'docs/gitops'],
        ['Grants', 'docs/grants'],
        ['Watching some namespaces', 'docs/namespaces'],
        ['Network policies', 'docs/network-policy'],
        ['Metrics, alerts, dashboard', 'docs/metrics'],
        ['Sizing', 'docs/guides/sizing'],
        ['Performance', 'docs/performance'],
        ['Upgrading', 'docs/guides/upgrade'],
        ['Uninstalling, restoring', 'docs/uninstall'],
        ['Coming from virtrigaud', 'docs/guides/from-virtrigaud'],
        ['From Terraform and other operators', 'docs/from-terraform'],
      ]),
      section('When something is wrong', [
        ['Troubleshooting', 'docs/troubleshooting'],
        ['Runbook', 'docs/runbook'],
        ['Typical mistakes', 'docs/mistakes'],
        ['Deviations', 'docs/deviations'],
      ]),
      section('Reference', [
        ['Provider', 'docs/kinds/provider'],
        ['VMClass', 'docs/kinds/vmclass'],
        ['VMImage', 'docs/kinds/vmimage'],
        ['VirtualMachine', 'docs/kinds/virtualmachine'],
        ['VMSnapshot', 'docs/kinds/vmsnapshot'],
        ['VMSnapshotSchedule', 'docs/kinds/vmsnapshotschedule'],
        ['VMClone', 'docs/kinds/vmclone'],
        ['VMPlacementPolicy', 'docs/kinds/vmplacementpolicy'],
        ['Configuration', 'docs/configuration'],
        ['kubectl plugins', 'docs/kubectl'],
        ['Privileges', 'docs/permissions'],
        ['Versions of Proxmox VE', 'docs/versions'],
        ['Helm chart', 'deploy/chart/README'],
        ['Releases', 'docs/release'],
        ['Changes', 'CHANGELOG'],
      ]),
    ],
  },
};
