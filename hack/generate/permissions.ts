/** Generates docs/permissions.md and the role in the README from the endpoints that the operator uses. */
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
  snapshots: 'snapshots',
  guestCommands: 'hooks and readiness probes, only where they are used',
  devices: 'devices of nodes (`devices` of VMs and classes), only where they are used',
  downloads: 'downloads of VMImages, only where they are used',
  haRules: 'HA rules for VMPlacementPolicies, only with `ha.rules: Manage`',
};

/** Commands that create a user and a token on this major version of PVE. */
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
    const used = calls.map((call) => `\`${call}\``).join(', ');
    return `| ${privilege} | \`${need.path}\` | ${use} | ${versions(need)} | ${used} |`;
  }),
];

const fenced = (lines: readonly string[]): string => ['```sh', ...lines, '```'].join('\n');

const page = (): string => `# Privileges in Proxmox VE

<!-- Written by npm run generate from the endpoints in src/pve. -->

The operator needs exactly these privileges. On a node of Proxmox VE 9, run:

${fenced(setUp(9))}

On a node of Proxmox VE 8, where the privileges for the guest agent have other names:

${fenced(setUp(8))}

On a node of Proxmox VE 7, which also has no privilege for bridges:

${fenced(setUp(7))}

No role serves 8 and 9 at once, because neither version has the privileges of the other for the guest agent. While a cluster is upgraded, keep the role of 8, and replace it when all nodes are upgraded: \`virtrigaud-proxmox check\` prints the commands. Until then the addresses of guests on upgraded nodes are not read.

The token has privileges of its own (\`--privsep 1\`): it may do what both the token and its user may do, so the role is granted to both. A token with \`--privsep 0\` has all privileges of its user, and the last command is not needed. You can grant the role on less than everything, for example on \`/pool/k8s\` and on individual storages. The table lists what must be granted on \`/\` or for a whole resource type.

\`virtrigaud-proxmox check\` reports missing privileges at once, with the commands that grant them; the operator checks every five minutes. If the credentials lack, on every path, a privilege that everything needs, the Provider is not ready (reason \`MissingPrivileges\`). Any other missing privilege is named in the condition \`MissingPrivileges\`. Both are listed in \`status.missingPrivileges\`. VMs are reconciled in any case.

What the operator may do in Kubernetes, and the Secrets that it keeps in its own namespace, are listed in [namespaces.md](namespaces.md#the-operators-own-namespace).

## Which call needs which privilege

${table().join('\n')}
`;

const ROLE_LINE = /^pveum role add VirtRigaud .*$/m;

/** `read` returns a page as it is: only the line with the role is generated in the README. */
export function permissionFiles(read: (path: string) => string | undefined): Files {
  const readme = read('README.md') ?? '';
  if (!ROLE_LINE.test(readme))
    throw new Error('README.md lacks the line "pveum role add VirtRigaud …": add it again');
  const [, role = ''] = setUp(9);
  return new Map([
    ['docs/permissions.md', page()],
    ['README.md', readme.replace(ROLE_LINE, () => role)],
  ]);
}
