/** The objects of a campaign as they are at first, and as they are again at its end. */
import { stringify } from 'yaml';

const API = 'infra.virtrigaud.io/v1beta1';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly stringData?: Readonly<Record<string, string>>;
}

const object = (kind: string, name: string, spec: Manifest['spec'] = {}): Manifest => ({
  apiVersion: API,
  kind,
  metadata: { name },
  spec,
});

export const vm = (name: string): Manifest => ({
  apiVersion: API,
  kind: 'VirtualMachine',
  metadata: { name, labels: { tier: name.endsWith('1') ? 'db' : 'web' } },
  spec: {
    providerRef: { name: 'provider' },
    classRef: { name: 'class-a' },
    imageRef: { name: 'image' },
    networks: [{ name: 'lan' }],
    // Absent means unchanged: what an edit left in a guest would otherwise stay.
    protection: false,
  },
});

/** `endpoint`: the fake's, with /api2. */
export function baseObjects(
  endpoint: string,
  token: { id: string; secret: string; ca: string },
): readonly Manifest[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'pve-credentials' },
      stringData: { token_id: token.id, token_secret: token.secret, 'ca.crt': token.ca },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'campaign-data' },
      stringData: {
        'user-data': '#cloud-config\n{}\n',
        keys: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== campaign\n',
      },
    },
    object('Provider', 'provider', {
      type: 'proxmox',
      endpoint,
      credentialSecretRef: { name: 'pve-credentials' },
      deletionProtection: { maxPerMinute: 1000 },
    }),
    object('VMClass', 'class-a', { cpus: 2, memory: '2Gi' }),
    object('VMClass', 'class-b', { cpus: 1, memory: '1Gi', maxMemory: '4Gi', maxCpus: 8 }),
    object('VMImage', 'image', { source: 'ubuntu-22-template' }),
    object('VMImage', 'iso', { source: 'cephfs:iso/debian-12.iso' }),
    object('VMPlacementPolicy', 'policy', { nodeSelector: ['pve-1', 'pve-2', 'pve-3'] }),
    object('VMSnapshotSchedule', 'schedule', {
      schedule: '0 0 1 1 *',
      suspend: true,
      selector: { matchLabels: { tier: 'web' } },
    }),
  ];
}

export const snapshot = (name: string, of: string, includeMemory: boolean): Manifest =>
  object('VMSnapshot', name, { vmRef: { name: of }, includeMemory });

export const clone = (name: string, of: string, target: Manifest['spec']): Manifest =>
  object('VMClone', name, { sourceVMRef: { name: of }, target });

export const yaml = (objects: readonly Manifest[]): string =>
  objects.map((each) => stringify(each)).join('---\n');
