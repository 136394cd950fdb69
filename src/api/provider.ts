/** A Proxmox VE cluster or a single node, and how to reach it. */
import { z } from 'zod';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { kind, type Input, type Output } from './kind.ts';
import { keyRef, objectRef } from './refs.ts';
import type { Resource } from './resource.ts';
import {
  bridgeName,
  list,
  listMap,
  node,
  poolName,
  rule,
  storageName,
  text,
  vmidNumber,
  word,
} from './schema.ts';

const port = '[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]';
const host = '[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?|\\[[0-9a-fA-F:.]+\\]';

const endpoint = word(
  new RegExp(`^https?://(${host})(:(${port}))?(/api2(/json)?)?/?$`),
  512,
  'must be the URL of a Proxmox VE API, for example https://pve.example.com:8006 or https://[fd00::1]:8006/api2',
);

/** Settings by environment variable: of a Provider, in its Secret, and of the process. */
export const PVE_VARIABLES = [
  'PVE_ENDPOINT',
  'PVE_TOKEN_ID',
  'PVE_TOKEN_SECRET',
  'PVE_USERNAME',
  'PVE_PASSWORD',
  'PVE_INSECURE_SKIP_VERIFY',
  'PVE_CA_BUNDLE',
  'PVE_FINGERPRINT',
  'PVE_NODE_SELECTOR',
] as const;

const valueFrom = rule(
  z.object({
    secretKeyRef: keyRef.optional().describe('Entry of a Secret.'),
    configMapKeyRef: keyRef.optional().describe('Entry of a ConfigMap.'),
  }),
  {
    cel: 'has(self.secretKeyRef) != has(self.configMapKeyRef)',
    message: 'must have exactly one of secretKeyRef and configMapKeyRef',
    holds: (from) => (from.secretKeyRef === undefined) !== (from.configMapKeyRef === undefined),
  },
);

const variable = rule(
  z.object({
    name: word(
      /^[A-Za-z_][A-Za-z0-9_]*$/,
      128,
      'must be the name of a variable: letters, digits and underscores',
    ).describe('Name of the variable, for example PVE_NODE_SELECTOR.'),
    value: text(32_768).optional().describe('Value of the variable.'),
    valueFrom: valueFrom.optional().describe('Where the value is read from.'),
  }),
  {
    cel: 'has(self.value) != has(self.valueFrom)',
    message: 'must have exactly one of value and valueFrom',
    holds: (env) => (env.value === undefined) !== (env.valueFrom === undefined),
  },
);

const vmIdRange = rule(
  z.object({
    start: vmidNumber.describe('First VMID of the range.'),
    end: vmidNumber.describe('Last VMID of the range.'),
  }),
  {
    cel: 'self.start <= self.end',
    message: 'must not end before it starts',
    holds: ({ start, end }) => start <= end,
  },
);

const fingerprint = word(
  /^([0-9a-fA-F]{64}|([0-9a-fA-F]{2}:){31}[0-9a-fA-F]{2})$/,
  95,
  'must be a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons between the bytes',
);

const caBundle = rule(text(65_536), {
  cel: "self.contains('-----BEGIN CERTIFICATE-----')",
  message: 'must hold certificates in PEM',
  holds: (pem) => pem.includes('-----BEGIN CERTIFICATE-----'),
});

const tls = z.object({
  caBundle: caBundle
    .optional()
    .describe(
      'Certificates, in PEM, of the authorities that may vouch for the servers; absent: ca.crt of the Secret, else the authorities of the system.',
    ),
  fingerprints: list(fingerprint, 16)
    .optional()
    .describe(
      "SHA-256 fingerprints of the servers' own certificates, one for each node. Where there are any, a server is trusted exactly if its certificate has one of them.",
    ),
});

const defaults = z.object({
  storage: storageName.optional().describe('Storage for disks where neither the VM nor its class names one.'),
  isoStorage: storageName
    .optional()
    .describe('Storage with content type "iso" that takes cloud-init images made by the operator.'),
  bridge: bridgeName
    .optional()
    .describe('Bridge for a network interface that gives none and whose name has no known bridge.'),
  pool: poolName.optional().describe('Pool for new VMs that name none.'),
  vmIdRange: vmIdRange
    .optional()
    .describe('Range from which VMIDs of new VMs are taken; absent: the range of the Proxmox VE cluster.'),
});

const runtime = z.object({
  mode: z
    .enum(['Remote', 'InProcess'])
    .optional()
    .describe('Accepted for compatibility: the provider always runs inside the operator.'),
  image: text(512)
    .optional()
    .describe('Accepted for compatibility: the provider always runs inside the operator.'),
  service: z
    .object({ port: z.int32().min(1).max(65_535).optional().describe('Port of the provider service.') })
    .optional()
    .describe('Accepted for compatibility: the provider always runs inside the operator.'),
  env: listMap(variable, 'name', 50)
    .optional()
    .describe(
      `Settings of this provider under the names of the environment variables: ${PVE_VARIABLES.join(', ')}. Several fingerprints or nodes are separated by commas. They take precedence over the Secret, and the fields of the spec over them.`,
    ),
});

const spec = z.object({
  type: z.enum(['proxmox']).describe('Kind of platform; this operator serves proxmox.'),
  endpoint: endpoint
    .optional()
    .describe(
      'URL of the Proxmox VE API, with or without /api2. Absent: PVE_ENDPOINT of runtime.env, of the Secret or of the operator itself.',
    ),
  endpoints: list(endpoint, 16)
    .optional()
    .describe(
      'URLs of further nodes of the same Proxmox VE cluster. They are used, in this order, when the one in use cannot be reached.',
    ),
  credentialSecretRef: objectRef
    .optional()
    .describe(
      'Secret with token_id and token_secret, or username and password, and optionally ca.crt or fingerprint; the PVE_* names work too.',
    ),
  insecureSkipVerify: z
    .boolean()
    .optional()
    .describe('Accept any TLS certificate. For tests only: credentials can be intercepted.'),
  tls: tls.optional().describe('How the certificates of the servers are verified.'),
  nodeSelector: list(node, 64)
    .optional()
    .describe(
      'Nodes that new VMs are placed on, the preferred ones first; absent: every node that is online.',
    ),
  defaults: defaults.optional().describe('Values for VMs that give none.'),
  runtime: runtime
    .optional()
    .describe('Settings by environment variable, and fields kept for compatibility.'),
});

const status = z.object({
  ...statusBase,
  endpoint: text(512).optional().describe('URL in use, one of endpoint and endpoints.'),
  healthy: z.boolean().optional().describe('Whether the Proxmox VE API answers and the login works.'),
  version: text(64).optional().describe('Version of Proxmox VE.'),
  clusterName: text(128).optional().describe('Name of the Proxmox VE cluster; a single node has none.'),
  clusterID: text(256)
    .optional()
    .describe('Identity of the Proxmox VE cluster, pinned when it was first reached.'),
  quorate: z.boolean().optional().describe('Whether the Proxmox VE cluster has quorum.'),
  nodes: list(
    z.object({
      name: text(63).describe('Name of the node.'),
      status: text(32).describe('State of the node: online, offline or unknown.'),
    }),
    64,
  )
    .optional()
    .describe('Nodes of the cluster, at most 64.'),
  nodeCount: z.int32().min(0).optional().describe('Number of nodes in the cluster.'),
  storages: list(
    z.object({
      name: text(100).describe('ID of the storage.'),
      type: text(64).optional().describe('Type of the storage, for example lvmthin or nfs.'),
      shared: z.boolean().describe('Whether all nodes see the same content.'),
      status: text(32).describe('State of the storage, for example available.'),
    }),
    64,
  )
    .optional()
    .describe('Storages of the cluster, at most 64.'),
  storageCount: z.int32().min(0).optional().describe('Number of storages in the cluster.'),
  discovered: z
    .object({
      count: z.int32().min(0).describe('How many there are.'),
      vms: list(
        z.object({
          vmid: z.int32().describe('VMID, for spec.adopt of a VirtualMachine.'),
          name: text(255).optional().describe('Name in Proxmox VE.'),
          node: text(63).describe('Node that it is on.'),
          powerState: z.enum(['On', 'Off']).describe('Whether it runs.'),
          cpus: z.number().min(0).optional().describe('CPUs that it has.'),
          memory: text(32).optional().describe('Memory that it has.'),
        }),
        64,
      ).describe('By VMID, at most 64.'),
    })
    .optional()
    .describe(
      'VMs that do not belong to a VirtualMachine and can be adopted; present with the annotation virtrigaud.io/adopt-vms.',
    ),
  missingPrivileges: list(text(128), 32)
    .optional()
    .describe(
      'Privileges that the credentials hold nowhere, for example "VM.Config.CPU on /vms", at most 32; absent: none is missing. Some are needed by single features only; the condition MissingPrivileges names those.',
    ),
});

export const Provider = kind({
  kind: 'Provider',
  plural: 'providers',
  singular: 'provider',
  shortNames: ['prov'],
  description: 'A Proxmox VE cluster or single node that virtual machines run on, and how to reach it.',
  spec,
  status,
  columns: [
    { name: 'Endpoint', type: 'string', jsonPath: '.status.endpoint' },
    { name: 'Version', type: 'string', jsonPath: '.status.version' },
    { name: 'Healthy', type: 'boolean', jsonPath: '.status.healthy' },
    ready,
    age,
    readyMessage,
  ],
});

export type ProviderSpec = Output<typeof spec>;
export type ProviderSpecInput = Input<typeof spec>;
export type ProviderStatus = Output<typeof status>;
export type Provider = Resource<ProviderSpec, ProviderStatus>;
