/** Generates docs/template-options.md from the table that the operator works with. */
import {
  TEMPLATE_OPTIONS,
  type TemplateOption,
} from '../../controllers/virtualmachine/config/template-options.ts';
import type { Files } from './crds.ts';

const PATH = 'docs/template-options.md';

const cell = (text: string): string => text.replaceAll('|', '\\|');

const names = ({ options }: TemplateOption): string => options.map((option) => `\`${option}\``).join(', ');

const fate = ({ fate: usual, lost }: TemplateOption): string =>
  lost === undefined ? usual : `${usual}, or dropped and reported`;

const ORDER = ['replaced', 'inherited', 'not copied'];

export function templateOptionFiles(): Files {
  const rows = TEMPLATE_OPTIONS.toSorted((a, b) => ORDER.indexOf(a.fate) - ORDER.indexOf(b.fate)).map(
    (row) => `| ${names(row)} | ${fate(row)} | ${cell(row.details)} |`,
  );
  const lost = TEMPLATE_OPTIONS.filter((row) => row.lost !== undefined).map(
    (row) => `| ${names(row)} | It ${cell(row.lost ?? '')} |`,
  );
  const page = `# What a VM has from its template

Written by \`npm run generate\` from \`controllers/virtualmachine/config/template-options.ts\`; [ADR 20](adr/0020-template-options.md) gives the reasons.

- **inherited**: the VM has what the template has.
- **replaced**: the spec, the VMClass or the operator decides, also by saying nothing.
- **dropped and reported**: the VM does not have it, and its condition \`FieldsIgnored\` says why, and what to do.
- **not copied**: Proxmox VE gives it to no clone.

| Option | A new VM | Details |
|---|---|---|
${rows.join('\n')}

Options that may be dropped:

| Option | Why, and what to do |
|---|---|
${lost.join('\n')}

The cloud-init options that a VM inherits stay in its configuration in Proxmox VE. Where the data needs an image of the operator, the image says the same: user and keys in \`vendor-data\`, below the user-data, and addresses, servers and domains in \`network-config\`. Servers and domains that neither the template nor the spec names are those of the node, as in Proxmox VE. The options are recorded in \`status.internal.template\`, so that data that is delivered later has them as well.
`;
  return new Map([[PATH, page]]);
}
