/** A namespace with everything a VirtualMachine needs, and a Proxmox VE of its own behind its Provider. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import type { FakePveOptions } from '../../fakepve/index.ts';
import type { Manifest } from '../harness/kube-api.ts';
import type { OperatorPlane } from '../harness/operator.ts';
import { type FakePve, startPve } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';

/** Of the cluster `document`: a token with the privileges that the operator's documentation asks for, and no more. */
export const TOKEN = {
  token_id: 'virtrigaud@pve!vrtg-token',
  token_secret: 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx',
};

const Condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string(),
  message: z.string(),
  observedGeneration: z.number().optional(),
});
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
      observedGeneration: z.number().optional(),
      internal: z.looseObject({}).optional(),
      ipAddresses: z.array(z.string()).default([]),
      conditions: z.array(Condition).default([]),
    })
    .default({ ipAddresses: [], conditions: [] }),
});
export type Stored = z.output<typeof Stored>;
const List = z.object({ items: z.array(Stored) });

const Event = z.object({ type: z.string(), reason: z.string(), note: z.string().default('') });
const Events = z.object({ items: z.array(Event) });

export const readList = (json: string): readonly Stored[] => List.parse(JSON.parse(json)).items;

/** For example `Ready=False SecretNotFound`, with its message. */
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

export const secret = (name: string, values: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  data: Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  ),
});

const PLURALS: Readonly<Record<string, string>> = {
  vm: 'virtualmachines',
  virtualmachine: 'virtualmachines',
  provider: 'providers',
  vmclass: 'vmclasses',
  vmimage: 'vmimages',
  vmsnapshot: 'vmsnapshots',
  vmsnapshotschedule: 'vmsnapshotschedules',
  vmclone: 'vmclones',
  vmplacementpolicy: 'vmplacementpolicies',
};
const CORE: Readonly<Record<string, string>> = { secret: 'secrets', configmap: 'configmaps' };

/** Where the API server keeps what kubectl calls `vm/web`, say. */
function pathOf(namespace: string, object: string): string {
  const [kind = '', name = ''] = object.split('/');
  const core = CORE[kind];
  if (core !== undefined) return `/api/v1/namespaces/${namespace}/${core}/${name}`;
  return `${GROUP}/namespaces/${namespace}/${pluralOf(object)}/${name}`;
}

function pluralOf(object: string): string {
  const [kind = ''] = object.split('/');
  const plural = PLURALS[kind];
  if (plural === undefined) throw new Error(`tenant.ts knows no kind ${kind}`);
  return plural;
}

const nameIn = (object: string): string => object.slice(object.indexOf('/') + 1);

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

/** Objects are named as kubectl names them: `vm/web`. */
export interface Tenant {
  readonly namespace: string;
  readonly pve: FakePve;
  readonly apply: (...objects: readonly Manifest[]) => Promise<void>;
  /** A merge patch. */
  readonly patch: (object: string, body: object) => Promise<void>;
  /** `null` removes one. */
  readonly annotate: (object: string, annotations: Readonly<Record<string, string | null>>) => Promise<void>;
  /** Requests the deletion and does not wait. */
  readonly requestDeletion: (object: string) => Promise<void>;
  /** Waits until it no longer exists. */
  readonly gone: (object: string) => Promise<void>;
  /** Requests the deletion of all VirtualMachines and does not wait. */
  readonly requestDeletionOfVms: () => Promise<void>;
  /** Waits until no VirtualMachine exists any longer. */
  readonly vmsGone: () => Promise<void>;
  /** Requests the deletion and waits until it no longer exists. */
  readonly delete: (object: string) => Promise<void>;
  /** The events of the namespace, of one reason if that is given. */
  readonly events: (reason?: string) => Promise<readonly z.output<typeof Event>[]>;
  /** JSON Patch of the status, as a person repairs one. */
  readonly patchStatus: (object: string, operations: readonly object[]) => Promise<void>;
  /** kubectl in the namespace, where it is the point or the shortest way; a refusal fails the test. */
  readonly kubectl: (...args: readonly string[]) => Promise<string>;
  /** Waits, as a user does, until the objects are Ready as they are now. */
  readonly ready: (...objects: readonly string[]) => Promise<void>;
  /** Triggers a pass over a VirtualMachine: `web` by default. Does nothing if the object is already gone. */
  readonly lookAgain: (name?: string) => Promise<void>;
  readonly find: (plural: string, name: string) => Promise<Stored | undefined>;
  readonly vm: (name: string) => Promise<Stored>;
  readonly list: (plural: string) => Promise<readonly Stored[]>;
  /** Where the API server keeps the VirtualMachine. */
  readonly path: (name: string) => string;
}

const WITHIN_MS = 300_000;
/** Assertions of a test are polled often; objects that are only waited for are not. */
const EVERY_MS = 150;

/**
 * Like `kubectl wait --for=condition=Ready`: for the current generation of the object.
 * @returns what is not so
 */
function unready(name: string, object: Stored | undefined): string | undefined {
  if (!object) return `${name} does not exist`;
  const { status, metadata } = object;
  const found = status.conditions.find(({ type }) => type === 'Ready');
  const seen = found?.observedGeneration ?? status.observedGeneration ?? metadata.generation;
  if (found?.status === 'True' && seen >= metadata.generation) return undefined;
  const { is, message } = condition(object);
  return `${name}: ${is} of generation ${seen}, now ${metadata.generation}: ${message}`;
}

/** An empty namespace, and a PVE cluster that no other tenant's can be taken for. It is closed with the control plane. */
export async function bareTenant(plane: OperatorPlane, options: FakePveOptions = {}): Promise<Tenant> {
  const namespace = await plane.newNamespace('tenant');
  const pve = await startPve({ cluster: { ...shippedCluster('document'), name: namespace }, ...options });
  plane.defer(() => pve.close());
  const all = (plural: string) => `${GROUP}/namespaces/${namespace}/${plural}`;
  const at = (object: string) => pathOf(namespace, object);
  const read = async (path: string): Promise<Stored | undefined> => {
    const text = await plane.api.get(path);
    return text === undefined ? undefined : Stored.parse(JSON.parse(text));
  };
  const list: Tenant['list'] = async (plural) =>
    readList((await plane.api.get(all(plural))) ?? '{"items":[]}');
  /** Of one kind. Fifty objects take one request, as one does. */
  const readAll = async (plural: string, objects: readonly string[]) => {
    const [first = '', ...others] = objects;
    if (others.length === 0) return new Map([[first, await read(at(first))]]);
    const byName = new Map((await list(plural)).map((each) => [each.metadata.name, each]));
    return new Map(objects.map((object) => [object, byName.get(nameIn(object))]));
  };
  const find: Tenant['find'] = (plural, name) => read(`${all(plural)}/${name}`);
  const patch: Tenant['patch'] = async (object, body) => {
    if (!(await plane.api.patch(at(object), body))) throw new Error(`there is no ${object}`);
  };
  const requestDeletion: Tenant['requestDeletion'] = async (object) => {
    if (!(await plane.api.remove(at(object)))) throw new Error(`there is no ${object}`);
  };
  const gone: Tenant['gone'] = (object) =>
    soon(
      async () => {
        const left = await read(at(object));
        if (left !== undefined) throw new Error(`${object} still exists: ${JSON.stringify(left.status)}`);
      },
      WITHIN_MS,
      EVERY_MS,
    );
  return {
    namespace,
    pve,
    find,
    patch,
    requestDeletion,
    gone,
    kubectl: (...args) => plane.succeed(['-n', namespace, ...args]),
    async apply(...objects) {
      for (const object of objects)
        await plane.api.apply(at(`${object.kind.toLowerCase()}/${object.metadata.name}`), object);
    },
    async requestDeletionOfVms() {
      await plane.api.remove(all('virtualmachines'));
    },
    vmsGone: () =>
      soon(
        async () => {
          const [left] = await list('virtualmachines');
          if (left) throw new Error(`vm/${left.metadata.name} still exists: ${JSON.stringify(left.status)}`);
        },
        WITHIN_MS,
        EVERY_MS,
      ),
    async events(reason) {
      const text = await plane.api.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
      const { items } = Events.parse(JSON.parse(text ?? '{"items":[]}'));
      return items.filter((event) => reason === undefined || event.reason === reason);
    },
    async patchStatus(object, operations) {
      if (!(await plane.api.jsonPatch(`${at(object)}/status`, operations)))
        throw new Error(`there is no ${object}`);
    },
    annotate: (object, annotations) => patch(object, { metadata: { annotations } }),
    async delete(object) {
      await requestDeletion(object);
      await gone(object);
    },
    async ready(...objects) {
      const kinds = Map.groupBy(objects, (object) => pluralOf(object));
      await Promise.all(
        [...kinds].map(([plural, named]) => {
          let waiting = named;
          const look = async () => {
            const found = await readAll(plural, waiting);
            const problems = new Map(waiting.map((object) => [object, unready(object, found.get(object))]));
            waiting = waiting.filter((object) => problems.get(object) !== undefined);
            const [first] = waiting;
            if (first !== undefined) throw new Error(problems.get(first));
          };
          return soon(look, WITHIN_MS, EVERY_MS);
        }),
      );
    },
    async lookAgain(name = 'web') {
      const annotations = { 'example.com/look': randomBytes(4).toString('hex') };
      await plane.api.patch(at(`vm/${name}`), { metadata: { annotations } });
    },
    async vm(name) {
      const found = await find('virtualmachines', name);
      if (!found) throw new Error(`there is no VirtualMachine ${name}`);
      return found;
    },
    list,
    path: (name) => at(`vm/${name}`),
  };
}

/** With Secret, Provider, class `small` and image `ubuntu`. */
export async function tenant(plane: OperatorPlane, options: FakePveOptions = {}): Promise<Tenant> {
  const made = await bareTenant(plane, options);
  await made.apply(credentials(made.pve), provider(made.pve), vmClass(), vmImage());
  return made;
}
