/** What the API server stores, as far as commands look at it. Another version may have stored it: nothing else is required. Pure. */
import { z } from 'zod';

/**
 * Names this program in managedFields. It must not begin with `kubectl`: Flux removes what managers of such names have
 * set, even where Git says nothing of the field.
 */
export const FIELD_MANAGER = 'virtrigaud-cli';

const Condition = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastTransitionTime: z.string().optional(),
});
export type Condition = z.output<typeof Condition>;

const ManagedFields = z.looseObject({ manager: z.string().optional(), fieldsV1: z.unknown().optional() });

export type ManagedFields = z.output<typeof ManagedFields>;

const Metadata = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  generation: z.number().optional(),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  managedFields: z.array(ManagedFields).optional(),
});

export const Stored = z.looseObject({
  apiVersion: z.string().optional(),
  kind: z.string().optional(),
  metadata: Metadata,
  spec: z.record(z.string(), z.unknown()).optional(),
  status: z
    .looseObject({
      conditions: z.array(Condition).optional(),
      observedGeneration: z.number().optional(),
    })
    .optional(),
});
export type Stored = z.output<typeof Stored>;

export const conditionsOf = ({ status }: Stored): readonly Condition[] => status?.conditions ?? [];

export const conditionOf = (object: Stored, type: string): Condition | undefined =>
  conditionsOf(object).find((condition) => condition.type === type);

/** Whether the operator has seen the object as it is now. */
export const isSeen = ({ metadata, status }: Stored): boolean =>
  (status?.observedGeneration ?? -1) >= (metadata.generation ?? 0);

export const isReady = (object: Stored): boolean =>
  isSeen(object) && conditionOf(object, 'Ready')?.status === 'True';

/** A part of an object, read by a schema; what does not fit is absent. */
export const part = <T extends z.ZodType>(schema: T, value: unknown): z.output<T> | undefined =>
  schema.safeParse(value).data;

const Text = z.string().min(1);

/** The text at a path, such as `spec.providerRef.name`. */
export function textAt(object: unknown, path: string): string | undefined {
  return part(Text, valueAt(object, path));
}

const Members = z.record(z.string(), z.unknown());

/** The value at a path, such as `spec.powerState`. */
export const valueAt = (object: unknown, path: string): unknown =>
  path.split('.').reduce((value: unknown, key) => part(Members, value)?.[key], object);
