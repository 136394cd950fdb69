/** Writes docs/permissions.md and the role in the README from the endpoints that the operator uses. */
import {
  ENDPOINTS,
  FEATURES,
  grantCommands,
  neededPrivileges,
  printNeed,
  type Feature,
  type Need,
} from '../../src/pve/index.ts';
import type { Files } from './crds.ts';

const USER = 'virtrigaud@pve';
const TOKEN = 'vrtg-token';

const FEATURE_NAMES: Readonly<Record<Feature, string>> = {
  isoUpload: 'user-data on images',
  cloudInit: 'cloud-init settings',
  guestAgent: 'addresses from the guest agent',
  bridges: 'network interfaces',
  quorum: 'quorum',
  migration: 'moving VMs between nodes',
  pools: 'pools',
  guestCommands: 'hooks and readiness probes, only where they are used',
};

/** Commands for a fresh user and token on this major version of PVE. */
function setUp(major: number): readonly string[] {
  const [role = '', ...acls] = grantCommands(neededPrivileges({ major, features: FEATURES }), {
    user: USER,
    token: TOKEN,
  });
  return [
    `pveum user add ${USER} --comment "VirtRigaud"`,
    role,
    `pveum user token add ${USER} ${TOKEN} --privsep 1`,
    ...acls,
  ];
}

const versions = ({ since, until }: Need): string => {
  if (since !== undefined) return `${since} and newer`;
  return until === undefined ? 'all' : `${until} and older`;
};

interface Row {
  readonly need: Need;
  readonly calls: readonly string[];
}

function rows(): readonly Row[] {
  const byName = new Map<string, Row>();
  for (const { method, path, needs } of ENDPOINTS)
    for (const need of needs) {
      const name = [printNeed(need), ...need.anyOf].join();
      const calls = byName.get(name)?.calls ?? [];
      byName.set(name, { need, calls: [...calls, `${method} ${path}`] });
    }
  return [...byName.entries()].toSorted(([a], [b]) => a.localeCompare(b)).map(([, row]) => row);
}

const table = (): readonly string[] => [
  '| Privilege | On | Needed for | Proxmox VE | Calls |',
  '|---|---|---|---|---|',
  ...rows().map(({ need, calls }) => {
    const privilege = need.anyOf.map((name) => `\`${name}\``).join(' or ');
    const use = need.feature === undefined ? '**everything**' : FEATURE_NAMES[need.feature];
    const callList = calls.map((call) => `\`${call}\``).join(', ');
    return `| ${privilege} | \`${need.path}\` | ${use} | ${versions(need)} | ${callList} |`;
  }),
];

const fenced = (lines: readonly string[]): string => ['```sh', ...lines, '```'].join('\n');

const page = (): string => `# Privileges in Proxmox VE

<!-- Written by npm run generate from the endpoints in src/pve. -->

The operator needs these privileges and no more. On a node of Proxmox VE 9:

${fenced(setUp(9))}

On Proxmox VE 8, where other names apply to the guest agent:

${fenced(setUp(8))}

The token uses privilege separation (\`--privsep 1\`): its effective privileges are those that both token and user have, hence two \`pveum acl\` lines. A token with \`--privsep 0\` has all privileges of its user and does not need the last line. The role can be granted on less than \`/\`, for example on \`/pool/k8s\` and on single storages. The table lists the privileges that must be granted on \`/\` or on all objects of a kind.

\`virtrigaud-proxmox check\` lists missing privileges with the commands that grant them; the operator checks every five minutes. If a privilege for **everything** is missing, the Provider is not ready (reason \`MissingPrivileges\`). Any other missing privilege is reported in the condition \`MissingPrivileges\`. \`status.missingPrivileges\` lists all of them. VMs are reconciled in both cases.

## Which call needs which privilege

${table().join('\n')}
`;

const ROLE_LINE = /^pveum role add VirtRigaud .*$/m;

/** @param read - returns the current content of a page: only the line of the role in the README is generated */
export function permissionFiles(read: (path: string) => string | undefined): Files {
  const readme = read('README.md') ?? '';
  if (!ROLE_LINE.test(readme))
    throw new Error('README.md has no line "pveum role add VirtRigaud …". Restore it.');
  const [, role = ''] = setUp(9);
  return new Map([
    ['docs/permissions.md', page()],
    ['README.md', readme.replace(ROLE_LINE, () => role)],
  ]);
}
