/** The Lease that leader election stands on. */
import { z } from 'zod';
import type { LeaseRecord, LeaseStore, StoredLease } from '../runtime/leader-election.ts';
import type { KubeClient } from './client.ts';
import { KubeError } from './errors.ts';
import { apiVersionOf, LEASES } from './resource.ts';

const MicroTime = z.string().transform((text) => new Date(text));
const Lease = z
  .object({
    metadata: z.object({ resourceVersion: z.string() }),
    spec: z
      .object({
        holderIdentity: z.string().nullish(),
        leaseDurationSeconds: z.int().nullish(),
        acquireTime: MicroTime.nullish(),
        renewTime: MicroTime.nullish(),
        leaseTransitions: z.int().nullish(),
      })
      .default({}),
  })
  .transform(({ metadata, spec }): StoredLease => ({
    version: metadata.resourceVersion,
    record: {
      holder: spec.holderIdentity ?? '',
      durationSeconds: spec.leaseDurationSeconds ?? 0,
      acquired: spec.acquireTime ?? new Date(0),
      renewed: spec.renewTime ?? new Date(0),
      transitions: spec.leaseTransitions ?? 0,
    },
  }));

export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
}

export function leaseStore(
  client: Pick<KubeClient, 'get' | 'create' | 'replace'>,
  { namespace, name }: LeaseName,
): LeaseStore {
  const lease = (record: LeaseRecord, resourceVersion?: string): unknown => ({
    apiVersion: apiVersionOf(LEASES),
    kind: 'Lease',
    metadata: { namespace, name, ...(resourceVersion !== undefined && { resourceVersion }) },
    spec: {
      holderIdentity: record.holder,
      leaseDurationSeconds: record.durationSeconds,
      acquireTime: microTime(record.acquired),
      renewTime: microTime(record.renewed),
      leaseTransitions: record.transitions,
    },
  });
  return {
    get: (signal) => client.get({ ...LEASES, namespace, name }, Lease, signal),
    create: (record, signal) =>
      unlessTaken(client.create({ ...LEASES, namespace }, lease(record), Lease, signal)),
    update: (version, record, signal) =>
      unlessTaken(client.replace({ ...LEASES, namespace, name }, lease(record, version), Lease, signal)),
  };
}

const microTime = (time: Date): string => time.toISOString().replace('Z', '000Z');

async function unlessTaken(written: Promise<StoredLease>): Promise<StoredLease | undefined> {
  try {
    return await written;
  } catch (error) {
    if (error instanceof KubeError && error.status === 409) return undefined;
    throw error;
  }
}
