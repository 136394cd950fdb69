/** The world of a campaign as a user sees it: objects through kubectl, guests through the fake's own view of its state. */
import { z } from 'zod';
import { Agent, fetch } from 'undici';
import type { Cast } from '../../hack/demo/cast.ts';

const Condition = z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() });
const KubeObject = z.object({
  kind: z.string(),
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    generation: z.number(),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.record(z.string(), z.unknown()).default({}),
  status: z
    .looseObject({ conditions: z.array(Condition).default([]), observedGeneration: z.number().optional() })
    .default({ conditions: [] }),
});
export type KubeObject = z.output<typeof KubeObject>;

const Options = z.record(z.string(), z.union([z.string(), z.number()]).transform(String));
const Guest = z.object({
  vmid: z.number(),
  node: z.string(),
  status: z.string(),
  config: Options,
  pending: Options,
  pendingDelete: z.array(z.string()),
});
export type Guest = z.output<typeof Guest>;

const Task = z.looseObject({
  upid: z.string(),
  type: z.string(),
  /** With the token: `root@pam!operator`. */
  user: z.string(),
  /** The VMID, of tasks about a guest. */
  id: z.union([z.string(), z.number()]).transform(String).optional(),
  exitstatus: z.string().optional(),
});
export type Task = z.output<typeof Task>;

const Volume = z.looseObject({ volid: z.string(), vmid: z.number().optional() });

const PveState = z.object({
  guests: z.array(Guest),
  tasks: z.array(Task),
  volumes: z.array(Volume),
});
export type PveState = z.output<typeof PveState>;

export const KINDS = [
  'provider',
  'vmclass',
  'vmimage',
  'vmplacementpolicy',
  'vm',
  'vmsnapshot',
  'vmsnapshotschedule',
  'vmclone',
].join(',');

export interface World {
  readonly objects: readonly KubeObject[];
  readonly pve: PveState;
}

/** Ours is a guest with the line of an owner in its description; the last part of it is the uid of the object. */
export const ownerOf = ({ config }: Guest): string | undefined =>
  /^virtrigaud: \S+\/(?<uid>[0-9a-f-]{36})(?: |$)/m.exec(config['description'] ?? '')?.groups?.['uid'];

export const conditionOf = ({ status }: KubeObject, type: string) =>
  status.conditions.find((condition) => condition.type === type);

export interface Eyes {
  readonly objects: () => Promise<readonly KubeObject[]>;
  readonly pve: () => Promise<PveState>;
  readonly close: () => Promise<void>;
}

export function eyesOn({ plane, fake }: Cast): Eyes {
  const dispatcher = new Agent({ connect: { ca: fake.ca } });
  return {
    async objects() {
      const { stdout, stderr, code } = await plane.kubectl(['get', KINDS, '-o', 'json']);
      if (code !== 0) throw new Error(`kubectl get failed: ${stderr}`);
      return z.object({ items: z.array(KubeObject) }).parse(JSON.parse(stdout)).items;
    },
    async pve() {
      const reply = await fetch(`${fake.url}/fakepve/state`, { dispatcher });
      return z.object({ data: PveState }).parse(await reply.json()).data;
    },
    close: () => dispatcher.close(),
  };
}
