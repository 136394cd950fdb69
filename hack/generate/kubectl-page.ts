/** Writes docs/kubectl.md from the help texts of the plugins. */
import { calledBy, flagHead } from '../../src/cli/help.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { GLOBAL_FLAGS } from '../../src/cli/common-flags.ts';
import type { Command } from '../../src/cli/command.ts';
import type { Flag } from '../../src/cli/flags.ts';
import type { Files } from './crds.ts';

const PAGE = 'docs/kubectl.md';

const INTRODUCTION = `# kubectl plugins

Written by \`npm run generate\` from the help texts in \`src/cli\`.

\`kubectl vm\` has commands for what people do with VMs every day, and \`kubectl create vmsnapshot\` takes a snapshot. They read and change the objects in Kubernetes, with the rights of whoever calls them, and never talk to Proxmox VE: what they do can be done with \`kubectl get\`, \`patch\` and \`annotate\`, too.

## Install

\`\`\`sh
make cli                                              # one file for Node.js 22.20 or newer
install dist/kubectl/kubectl-vm ~/.local/bin/         # any folder of the PATH
ln -s kubectl-vm ~/.local/bin/kubectl-create-vmsnapshot
ln -s kubectl-vm ~/.local/bin/kubectl_complete-vm     # for the completion of kubectl
\`\`\`

\`make cli-executables\` makes executables that need no Node.js, for linux/amd64 and linux/arm64, in \`dist/kubectl\`. With [Krew](https://krew.sigs.k8s.io), [deploy/krew/vm.yaml](../deploy/krew/vm.yaml) installs \`kubectl vm\`: \`kubectl krew install --manifest=vm.yaml\`, with the checksums that \`make cli-executables\` writes into \`dist/kubectl/vm.yaml\`. Krew makes no link for \`kubectl create vmsnapshot\`; \`kubectl vm snapshot\` is the same command.

kubectl finds plugins for subcommands of \`create\` from version 1.27 on (tested with 1.36). It takes no flags before the name of a plugin: \`kubectl vm list -n team-a\`, not \`kubectl -n team-a vm list\`.

## How they behave

- The kubeconfig is that of kubectl: \`KUBECONFIG\`, contexts, and credential plugins. SOCKS proxies are not supported.
- Errors have the words of kubectl. The exit code is 0 if all was done, 1 if something was refused, failed or timed out, 130 after Ctrl-C; that of \`kubectl vm ssh\` is the one of ssh.
- \`--wait\` waits until the operator has done it, and fails at once where it says that only a person can go on. Progress is shown on a terminal only, and so is colour, unless \`NO_COLOR\` is set.
- A change is warned of where it will have no effect (\`managementPolicy\`, dry-run, a deletion), or where Argo CD or Flux will undo it: if their labels or annotations say that they apply the object, and \`managedFields\` that they have set the field. The field manager of the plugins is \`virtrigaud-cli\`.
- \`-o json\`, \`yaml\` and \`name\` are for programs.

The rights that the commands need, besides \`get\`, \`list\` on what they show: \`patch\` on virtualmachines for start, stop, restart, migrate and plan; \`create\` on vmsnapshots for snapshot, \`patch\` for revert; \`create\` on vmclones for clone. \`why\` and \`diag\` read providers, classes, images, snapshots and events as far as they may.
`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

const flagTable = (flags: readonly Flag[]): readonly string[] => [
  '| Flag | Meaning |',
  '|---|---|',
  ...flags.map((flag) => `| \`${cell(flagHead(flag).trim())}\` | ${cell(flag.meaning)} |`),
];

function section(command: Command): string {
  const called = calledBy('kubectl vm', command);
  return [
    `## ${called}`,
    `${command.summary}.`,
    ['```console', `${called} ${command.usage}`, '```'].join('\n'),
    ...command.about,
    ['```sh', ...command.examples.flatMap(({ text, command: line }) => [`# ${text}`, line]), '```'].join(
      '\n',
    ),
    ...(command.flags.length > 0 ? [flagTable(command.flags).join('\n')] : []),
  ].join('\n\n');
}

export const kubectlFiles = (): Files =>
  new Map([
    [
      PAGE,
      [
        INTRODUCTION.trimEnd(),
        ['## Flags of all commands', flagTable(GLOBAL_FLAGS).join('\n')].join('\n\n'),
        ...COMMANDS.map(section),
        '',
      ]
        .join('\n\n')
        .trimEnd() + '\n',
    ],
  ]);
