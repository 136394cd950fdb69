/** A Proxmox VE cluster or standalone node, and how to reach it. */
import { z } from 'zod';
import { age, ready, readyMessage } from './columns.ts';
import { caBundle } from './ca-bundle.ts';
import { statusBase } from './conditions.ts';
import { kind, type Input, type Output } from './kind.ts';
import { grants, vmIdRange } from './provider-grants.ts';
import { keyRef, localRef, objectRef } from './refs.ts';
import type { Resource } from './resource.ts';
import {
  bridgeName,
  list,
  listMap,
  moment,
  node,
  poolName,
  rule,
  storageName,
  text,
  word,
} from './schema.ts';

const port = '[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]';
const host = '[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?|\\[[0-9a-fA-F:.]+\\]';

const endpoint = word(
  new RegExp(`^https?://(${host})(:(${port}))?(/api2(/json)?)?/?$`),
  512,
  'must be the URL of a Proxmox VE API, for example https://pve.example.com:8006 or https://[fd00::1]:8006/api2',
);

/** Environment variables with settings: of a Provider, in its Secret, and of the process. */
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
    secretKeyRef: keyRef.optional().describe('Key of a Secret.'),
    configMapKeyRef: keyRef.optional().describe('Key of a ConfigMap.'),
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
      'must be the name of an environment variable: letters, digits and underscores',
    ).describe('Name of the environment variable, for example PVE_NODE_SELECTOR.'),
    value: text(32_768).optional().describe('Value of the variable.'),
    valueFrom: valueFrom.optional().describe("Source of the variable's value."),
  }),
  {
    cel: 'has(self.value) != has(self.valueFrom)',
    message: 'must have exactly one of value and valueFrom',
    holds: (env) => (env.value === undefined) !== (env.valueFrom === undefined),
  },
);

const fingerprint = word(
  /^([0-9a-fA-F]{64}|([0-9a-fA-F]{2}:){31}[0-9a-fA-F]{2})$/,
  95,
  'must be a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons between the bytes',
);

const tls = z.object({
  caBundle: caBundle
    .optional()
    .describe(
      "PEM-encoded CA bundle that the servers' certificates are verified with; absent: ca.crt of the Secret, otherwise the CAs of the system.",
    ),
  fingerprints: list(fingerprint, 16)
    .optional()
    .describe(
      "SHA-256 fingerprints of the servers' certificates, one per node. If there are any, a server is trusted if and only if its certificate has one of them.",
    ),
});

const defaults = z.object({
  storage: storageName.optional().describe('Storage for disks if neither the VM nor its class names one.'),
  isoStorage: storageName
    .optional()
    .describe('Storage with content type "iso" for the cloud-init images that the operator creates.'),
  bridge: bridgeName
    .optional()
    .describe('Bridge for network interfaces that name none and whose name stands for none.'),
  pool: poolName.optional().describe('Pool for new VMs that do not name one.'),
  vmIdRange: vmIdRange
    .optional()
    .describe('Range of the VMIDs of new VMs; absent: the range of the Proxmox VE cluster.'),
  placementRef: localRef
    .optional()
    .describe(
      'VMPlacementPolicy in the namespace of the Provider, for VMs that name none. It counts the VMs of that namespace.',
    ),
});

const MAX_ZONES = 32;

const zones = z
  .record(z.string(), list(node, 64).min(1))
  .refine((byName) => Object.keys(byName).length <= MAX_ZONES, `must have at most ${MAX_ZONES} zones`)
  .meta({ maxProperties: MAX_ZONES });

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
      `Settings of this Provider as environment variables: ${PVE_VARIABLES.join(', ')}. Several fingerprints or nodes are separated by commas. The variables take precedence over the Secret; the fields of the spec take precedence over both.`,
    ),
});

const spec = z.object({
  type: z.enum(['proxmox']).describe('Type of the platform; only proxmox is supported.'),
  endpoint: endpoint
    .optional()
    .describe(
      'URL of the Proxmox VE API, with or without /api2; absent: PVE_ENDPOINT of runtime.env, the Secret or the operator. Credentials of a Secret in another namespace are only sent to PVE_ENDPOINT of that Secret.',
    ),
  endpoints: list(endpoint, 16)
    .optional()
    .describe(
      'URLs of other nodes of the same Proxmox VE cluster. They are tried in this order when the endpoint in use cannot be reached.',
    ),
  credentialSecretRef: objectRef
    .optional()
    .describe(
      'Secret with token_id and token_secret, or username and password, and optionally ca.crt or fingerprint. The PVE_* names are accepted as well. A Secret in another namespace needs PVE_ENDPOINT as well, because its credentials are sent nowhere else.',
    ),
  insecureSkipVerify: z
    .boolean()
    .optional()
    .describe(
      'Whether any TLS certificate is accepted. Use it for tests only: the credentials can be intercepted.',
    ),
  tls: tls.optional().describe('How the certificates of the servers are verified.'),
  nodeSelector: list(node, 64)
    .optional()
    .describe(
      'Nodes that new VMs may be placed on, in order of preference; absent: every node that is online.',
    ),
  zones: zones
    .optional()
    .describe(
      'Zones of the nodes, such as rooms or racks, for VMPlacementPolicies with topologyKey zone. A node that is in several is in the first of them by name.',
    ),
  defaults: defaults.optional().describe('Defaults for VMs that do not set a value.'),
  grants: grants
    .optional()
    .describe(
      'What VirtualMachines of other namespaces may use. The first entry with the namespace applies. A namespace without an entry that the annotation virtrigaud.io/allow-from names may use what an entry without further fields grants.',
    ),
  ha: z
    .object({
      rules: z
        .enum(['Ignore', 'Manage'])
        .optional()
        .describe(
          'Manage: the hard rules of VMPlacementPolicies are kept as HA rules of Proxmox VE as well, for VMs of this Provider that HA manages. Requires Proxmox VE 9.0 and the privilege Sys.Console on /. Ignore, and absent: HA rules are neither read nor changed.',
        ),
    })
    .optional()
    .describe('How the operator uses the HA manager of Proxmox VE.'),
  deletionProtection: z
    .object({
      maxPerMinute: z
        .int32()
        .min(1)
        .max(10_000)
        .describe('Maximum number of VMs that may be deleted within a minute without a confirmation.'),
    })
    .optional()
    .describe(
      'Protects against the deletion of many VMs by mistake. If more are deleted within a minute, the guests of all VMs that are being deleted are left alone until the deletions are confirmed with the annotation virtrigaud.io/confirm-deletions. VMs with deletionPolicy Retain do not count. Absent: no limit.',
    ),
  runtime: runtime.optional().describe('Environment variables, and fields accepted for compatibility.'),
});

const status = z.object({
  ...statusBase,
  endpoint: text(512).optional().describe('URL in use, one of endpoint and endpoints.'),
  user: text(192)
    .optional()
    .describe(
      'User, or API token, that the operator is logged in as. After the Secret was changed, the former one until the new one works.',
    ),
  healthy: z.boolean().optional().describe('Whether the Proxmox VE API answers and the login works.'),
  version: text(64).optional().describe('Version of Proxmox VE.'),
  clusterName: text(128).optional().describe('Name of the Proxmox VE cluster; absent for a standalone node.'),
  clusterID: text(256)
    .optional()
    .describe('Identity of the Proxmox VE cluster, recorded when it was first reached.'),
  clusterCertificate: z
    .object({
      leaf: text(95).describe('SHA-256 fingerprint of the certificate; empty without TLS.'),
      authority: text(95)
        .optional()
        .describe('SHA-256 fingerprint of the private authority that vouches for it.'),
    })
    .optional()
    .describe(
      'Certificate that the Proxmox VE cluster showed last. A Provider of another namespace whose cluster has the same name and nodes, but neither this certificate nor this authority, reserves no VMIDs and addresses here.',
    ),
  quorate: z.boolean().optional().describe('Whether the Proxmox VE cluster has quorum.'),
  nodes: list(
    z.object({
      name: text(63).describe('Name of the node.'),
      status: text(32).describe(
        'State of the node: online, offline, or maintenance if HA moves its guests away.',
      ),
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
      shared: z.boolean().describe('Whether the storage has the same content on all nodes.'),
      status: text(32).describe('State of the storage, for example available.'),
    }),
    64,
  )
    .optional()
    .describe('Storages of the cluster, at most 64.'),
  storageCount: z.int32().min(0).optional().describe('Number of storages in the cluster.'),
  discovered: z
    .object({
      count: z.int32().min(0).describe('Number of VMs.'),
      vms: list(
        z.object({
          vmid: z.int32().describe('VMID, for spec.adopt of a VirtualMachine.'),
          name: text(255).optional().describe('Name in Proxmox VE.'),
          node: text(63).optional().describe('Node the VM runs on; absent if it is not known.'),
          powerState: z
            .enum(['On', 'Off'])
            .optional()
            .describe('Power state of the VM; absent if Proxmox VE does not list the VM.'),
          cpus: z.number().min(0).optional().describe('Number of CPUs.'),
          memory: text(32).optional().describe('Memory, as a quantity.'),
          forceDeleted: z
            .boolean()
            .optional()
            .describe(
              'Whether its VirtualMachine was deleted by force. Its VMID is given to no other VM until it is certain that the VM does not exist.',
            ),
        }),
        64,
      ).describe('VMs in order of their VMIDs, at most 64.'),
    })
    .optional()
    .describe(
      'VMs that do not belong to a VirtualMachine and can be adopted: with the annotation virtrigaud.io/adopt-vms all of them, otherwise those whose VirtualMachine was deleted by force.',
    ),
  deletionsHeldSince: moment
    .optional()
    .describe(
      'Since when deletions of VMs wait for a confirmation, because more than deletionProtection.maxPerMinute were deleted within a minute.',
    ),
  missingPrivileges: list(text(128), 32)
    .optional()
    .describe(
      'Privileges that the credentials lack, for example "VM.Config.CPU on /vms", at most 32; absent: none is missing. Some are required only by single features, which the condition MissingPrivileges names.',
    ),
});

export const Provider = kind({
  kind: 'Provider',
  plural: 'providers',
  singular: 'provider',
  shortNames: ['prov'],
  description: 'A Proxmox VE cluster or standalone node that virtual machines run on, and how to reach it.',
  spec,
  status,
  whole: ['grants'],
  reportedOnly: [
    ...['endpoint', 'user', 'healthy', 'version', 'clusterName', 'quorate', 'nodes', 'nodeCount'],
    ...['storages', 'storageCount', 'missingPrivileges'],
  ],
  about: 'clusterID',
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
