/** A namespace with everything a VirtualMachine needs, and a Proxmox VE of its own behind its Provider. */
import { randomBytes } from 'node:crypto';
import { stringify } from 'yaml';
import { z } from 'zod';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import type { FakePveOptions } from '../../fakepve/index.ts';
import type { OperatorPlane } from '../harness/operator.ts';
import { type FakePve, startPve } from '../harness/pve.ts';

/** Of the cluster `document`: a token with the privileges that the operator's documentation asks for, and no more. */
export const TOKEN = {
  token_id: 'virtrigaud@pve!vrtg-token',
  token_secret: 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx',
};

const Condition = z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() });
const Stored = z.looseObject({
  kind: z.string().optional(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    generation: z.number(),
    finalizers: z.array(z.string()).default([]),
  }),
  status: z
    .looseObject({
      phase: z.string().optional(),
      vmid: z.number().optional(),
      node: z.string().optional(),
      powerState: z.string().optional(),
      ipAddresses: z.array(z.string()).default([]),
      conditions: z.array(Condition).default([]),
    })
    .default({ ipAddresses: [], conditions: [] }),
});
export type Stored = z.output<typeof Stored>;
const List = z.object({ items: z.array(Stored) });

export const readList = (json: string): readonly Stored[] => List.parse(JSON.parse(json)).items;

/** `Ready=False SecretNotFound`, say; what it says beside that is in `message`. */
export function condition(object: Stored | undefined, type = 'Ready') {
  const found = object?.status.conditions.find((each) => each.type === type);
  return {
    is: found ? `${type}=${found.status} ${found.reason}` : `no ${type}`,
    message: found?.message ?? '',
  };
}

export const GROUP = '/apis/infra.virtrigaud.io/v1beta1';
const API_VERSION = 'infra.virtrigaud.io/v1beta1';

export const manifest = (kind: string, name: string, spec: object, metadata: object = {}) => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { name, ...metadata },
  spec,
});

export const secret = (name: string, stringData: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  stringData,
});

/** Refers to what every tenant has. */
export const vm = (name: string, spec: object = {}) =>
  manifest('VirtualMachine', name, {
    providerRef: { name: 'pve' },
    classRef: { name: 'small' },
    imageRef: { name: 'ubuntu' },
    ...spec,
  });

export const provider = (pve: Pick<FakePve, 'url'>, spec: object = {}, name = 'pve') =>
  manifest('Provider', name, {
    type: 'proxmox',
    endpoint: pve.url,
    credentialSecretRef: { name: 'pve-credentials' },
    ...spec,
  });

export const credentials = (pve: Pick<FakePve, 'ca'>, name = 'pve-credentials') =>
  secret(name, { ...TOKEN, 'ca.crt': pve.ca });

export const vmClass = (name = 'small') => manifest('VMClass', name, { cpus: 2, memory: '2Gi' });
export const vmImage = (name = 'ubuntu') => manifest('VMImage', name, { source: 'ubuntu-22-template' });

/** User-data that only an image of ours can carry, so that one is uploaded and must be deleted. */
export const userData = {
  cloudInit: { inline: '#cloud-config\npackages: [nginx]\n' },
};

export interface Tenant {
  readonly namespace: string;
  readonly pve: FakePve;
  readonly apply: (...objects: readonly object[]) => Promise<string>;
  /** kubectl in the namespace; a refusal fails the test. */
  readonly kubectl: (...args: readonly string[]) => Promise<string>;
  /** Waits, as a user does, until the objects are Ready: `vm/web`. */
  readonly ready: (...objects: readonly string[]) => Promise<void>;
  /** Has the operator look at a VirtualMachine now: at `web`, unless named. One that is gone needs no look: the operator may have been quicker. */
  readonly lookAgain: (name?: string) => Promise<void>;
  readonly find: (plural: string, name: string) => Promise<Stored | undefined>;
  readonly vm: (name: string) => Promise<Stored>;
  readonly list: (plural: string) => Promise<readonly Stored[]>;
  /** Where the API server keeps the VirtualMachine. */
  readonly path: (name: string) => string;
}

/** An empty namespace, and a PVE cluster that no other tenant's can be taken for. It is closed with the control plane. */
export async function bareTenant(plane: OperatorPlane, options: FakePveOptions = {}): Promise<Tenant> {
  const namespace = await plane.newNamespace('tenant');
  const pve = await startPve({ cluster: { ...shippedCluster('document'), name: namespace }, ...options });
  plane.defer(() => pve.close());
  const all = (plural: string) => `${GROUP}/namespaces/${namespace}/${plural}`;
  const kubectl = (...args: readonly string[]) => plane.succeed(['-n', namespace, ...args]);
  const find: Tenant['find'] = async (plural, name) => {
    const text = await plane.api.get(`${all(plural)}/${name}`);
    return text === undefined ? undefined : Stored.parse(JSON.parse(text));
  };
  return {
    namespace,
    pve,
    kubectl,
    find,
    apply: (...objects) =>
      plane.succeed(['-n', namespace, 'apply', '-f', '-'], {
        input: objects.map((object) => stringify(object)).join('---\n'),
      }),
    async ready(...objects) {
      try {
        await kubectl('wait', '--for=condition=Ready', '--timeout=100s', ...objects);
      } catch (error) {
        const told = readList(await kubectl('get', 'provider,vm', '-o', 'json')).map((object) => {
          const { is, message } = condition(object);
          return `${object.kind ?? ''} ${object.metadata.name}: ${is}: ${message}`;
        });
        throw new Error(told.join('\n'), { cause: error });
      }
    },
    async lookAgain(name = 'web') {
      const annotations = { 'example.com/look': randomBytes(4).toString('hex') };
      await plane.api.patch(`${all('virtualmachines')}/${name}`, { metadata: { annotations } });
    },
    async vm(name) {
      const found = await find('virtualmachines', name);
      if (!found) throw new Error(`there is no VirtualMachine ${name}`);
      return found;
    },
    async list(plural) {
      const text = (await plane.api.get(all(plural))) ?? '{"items":[]}';
      return readList(text);
    },
    path: (name) => `${all('virtualmachines')}/${name}`,
  };
}

/** With Secret, Provider, class `small` and image `ubuntu`. */
export async function tenant(plane: OperatorPlane, options: FakePveOptions = {}): Promise<Tenant> {
  const made = await bareTenant(plane, options);
  await made.apply(credentials(made.pve), provider(made.pve), vmClass(), vmImage());
  return made;
}
