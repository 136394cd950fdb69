/** All pages: their commands name what there is. Those that change Proxmox VE are said to be run on a node of it. */
import { globSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { commandsOf, problemOf } from '../../fixtures/doc-commands.ts';

const PAGES = globSync(['*.md', 'docs/**/*.md', 'deploy/**/*.md', 'test/README.md']).filter(
  (page) => !page.startsWith('docs/adr/'),
);
const ALL = PAGES.flatMap((page) => commandsOf(page, readFileSync(page, 'utf8')));

test('the pages have commands', () => {
  expect(ALL.length).toBeGreaterThan(120);
  expect(new Set(ALL.map(({ page }) => page)).size).toBeGreaterThan(20);
});

test.each(ALL)('$page: $line', (command) => {
  expect(problemOf(command)).toBeUndefined();
});

test.each([
  ['make dmeo', 'make has no target dmeo'],
  ['kubectl aply -f crds', 'kubectl has no command aply'],
  ['kubectl get vmx', 'there is no kind vmx'],
  ['kubectl apply -f deploy/samples/99-none.yaml', 'there is no deploy/samples/99-none.yaml'],
  ['kubectl annotate vm web virtrigaud.io/restartAt=now', 'there is no annotation virtrigaud.io/restartAt'],
  ['kubectl vm strat web', 'kubectl vm has no command strat'],
  ['kubectl vm start web --wiat', 'unknown flag: --wiat'],
  ['kubectl logs deployment/virtrigaud', 'there is no deployment/virtrigaud'],
  ['kubectl exec deployment/provider-proxmox -- /app/virtrigaud-proxmox.mjs check --providr x', 'providr'],
  ['qm template 9000', 'the section does not say that it is run on a node'],
  ['helm install virtrigaud charts/virtrigaud', 'the chart is deploy/chart'],
  ['terraform apply', 'nothing checks terraform'],
])('a mistake is found: %s', (line, problem) => {
  expect(problemOf({ page: 'README.md', line, section: '## Install\n' })).toContain(problem);
});
