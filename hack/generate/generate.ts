/** Writes all generated files; with --check, lists those that differ and fails. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { fakePveFiles } from '../../test/fakepve/doc-tables.ts';
import { admissionFiles } from './admission.ts';
import { alertFiles } from './alerts.ts';
import { argocdFiles } from './argocd.ts';
import { chartFiles } from './chart.ts';
import { chartValueFiles } from './chart-values.ts';
import { crdFiles } from './crds.ts';
import { dashboardFiles } from './dashboard.ts';
import { docFiles } from './docs.ts';
import { installFiles } from './install.ts';
import { krewFiles } from './krew.ts';
import { kubectlFiles } from './kubectl-page.ts';
import { kustomizeFiles } from './kustomize-references.ts';
import { metricsFiles } from './metrics-page.ts';
import { noticeFiles } from './notices.ts';
import { permissionFiles } from './permissions.ts';
import { rbacFiles } from './rbac.ts';
import { runbookFiles } from './runbook-reasons.ts';
import { templateOptionFiles } from './template-options.ts';

const root = join(import.meta.dirname, '../..');
const { values } = parseArgs({ options: { check: { type: 'boolean' } } });

const current = (path: string): string | undefined => {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
};

/** The page of the metrics has two generated lists. */
const metricsPage = () => {
  const alerts = alertFiles(current);
  return new Map([...alerts, ...metricsFiles((path) => alerts.get(path) ?? current(path))]);
};

const crds = crdFiles();
const base = new Map([...rbacFiles(), ...admissionFiles()]);

const files = new Map([
  ...crds,
  ...base,
  ...installFiles(crds, (path) => base.get(path) ?? current(path)),
  ...chartFiles(),
  ...chartValueFiles(current),
  ...kustomizeFiles(),
  ...argocdFiles(current),
  ...dashboardFiles(),
  ...docFiles(current),
  ...permissionFiles(current),
  ...metricsPage(),
  ...templateOptionFiles(),
  ...fakePveFiles(current),
  ...kubectlFiles(),
  ...krewFiles(),
  ...(await runbookFiles()),
  ...(await noticeFiles()),
]);
const stale = [...files].filter(([path, content]) => current(path) !== content);

if (values.check === true) {
  for (const [path] of stale) console.error(`${path} is not up to date. Run "npm run generate".`);
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const [path, content] of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    console.log(`wrote ${path}`);
  }
}
