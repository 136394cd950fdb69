/**
 * All pages: their commands name what there is, and those that are for another place say so before the block. What
 * kubectl and Helm themselves can judge, they do: test/integration/ci/doc-commands.test.ts.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { problemOf } from '../../fixtures/doc-command-problems.ts';
import { commandsOf, docCommands } from '../../fixtures/doc-commands.ts';

const ALL = docCommands();

test('the pages have commands', () => {
  expect(ALL.filter(({ isBlock }) => isBlock).length).toBeGreaterThan(150);
  expect(ALL.filter(({ isBlock }) => !isBlock).length).toBeGreaterThan(100);
  expect(new Set(ALL.map(({ page }) => page)).size).toBeGreaterThan(30);
});

test.each(ALL)('$page: $line', (command) => {
  expect(problemOf(command)).toBeUndefined();
});

test('the arguments that `make help` shows are those of the programs', () => {
  const shown = [...readFileSync('Makefile', 'utf8').matchAll(/^([a-z0-9-]+):.*## .*\(ARGS='([^']*)'/gm)].map(
    ([, target = '', args = '']) => `make ${target} ARGS='${args}'`,
  );
  expect(shown.length).toBeGreaterThan(4);
  for (const line of shown)
    expect([line, problemOf({ page: 'Makefile', line, isBlock: false, context: '' })]).toEqual([
      line,
      undefined,
    ]);
});

const inBlock = (lines: string): string => `## Install\n\nRun:\n\n\`\`\`sh\n${lines}\n\`\`\`\n`;

test.each([
  ['make dmeo', 'make has no target dmeo'],
  ['make demo TWICE=1', 'the Makefile has no variable TWICE'],
  ["make measure ARGS='--vmss 5'", 'hack/measure.ts has no flag --vmss'],
  ['kubectl aply -f crds', 'kubectl has no command aply'],
  ['kubectl get vmx', 'there is no kind vmx'],
  ['kubectl apply -f deploy/samples/99-none.yaml', 'there is no deploy/samples/99-none.yaml'],
  ['kubectl annotate vm web virtrigaud.io/restartAt=now', 'there is no annotation virtrigaud.io/restartAt'],
  ["kubectl get vm web -o jsonpath='{.status.nodes}'", 'a VirtualMachine has no field status.nodes'],
  ['kubectl vm strat web', 'kubectl vm has no command strat'],
  ['kubectl vm start web --wiat', 'unknown flag: --wiat'],
  ['kubectl logs deployment/virtrigaud', 'there is no deployment/virtrigaud'],
  ['kubectl exec deployment/provider-proxmox -- /app/virtrigaud-proxmox.mjs check --providr x', 'providr'],
  ['virtrigaud-proxmox --watch-namespaces a', 'watch-namespaces'],
  ['helm install virtrigaud charts/virtrigaud', 'there is no chart charts/virtrigaud'],
  ['helm upgrade virtrigaud deploy/chart --set image.name=x', 'the chart has no value image.name'],
  ['qm template 9000', 'nothing before it says that it is for a node of Proxmox VE'],
  [
    "sed 's#image: virtrigaud:#image: b:#' deploy/install.yaml",
    'deploy/install.yaml does not have image: virtrigaud:',
  ],
  ['terraform apply', 'nothing checks terraform'],
  // Also behind another one, and within one.
  ['kubectl get vm -o yaml | grpe Ready', 'nothing checks grpe'],
  ['make build && make dmeo', 'make has no target dmeo'],
  ['kubectl annotate vm web a=$(kubectl get vmx)', 'there is no kind vmx'],
])('a mistake is found: %s', (lines, problem) => {
  const problems = commandsOf('README.md', inBlock(lines)).map((command) => problemOf(command) ?? '');
  expect(problems.join('\n')).toContain(problem);
});

test('a command in the text is found, but not a word or an abbreviation', () => {
  const text = 'Run `kubectl get vmx`, not `kubectl` or `kubectl vm …`.\n';
  expect(commandsOf('README.md', text).map(({ line }) => line)).toEqual(['kubectl get vmx']);
});
