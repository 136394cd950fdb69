/** What is said of a download in conditions and status. Pure. */
import type { VMImage, VMImageStatus } from '../../../src/api/index.ts';
import { millis, seconds } from '../../../src/lib/units.ts';
import { idle, progressed, settled, waiting, type Outcome } from '../../../src/runtime/outcome.ts';
import type { Connection } from '../../shared/cluster/connections.ts';
import { downloadNotGranted, mayDownload } from '../../shared/grants/downloads.ts';
import type { Grant } from '../../shared/grants/grants.ts';
import { contentOf, isFile } from '../../shared/images/file-name.ts';
import type { Problem } from '../../shared/placement/image-places.ts';
import type { Entries, Have, Plan, Want } from './model.ts';

export const AGAIN = seconds(30);
export const SOON = millis(200);
const MAX_LISTED = 64;

export const noQuorum = (provider: string): Outcome =>
  waiting(
    'NoQuorum',
    `The Proxmox VE cluster of Provider ${provider} has no quorum and accepts no changes. Bring its nodes back.`,
    AGAIN,
  );

/** `kubectl wait --for=condition=Ready` returns at once: what it waits for would need a VM. */
export const ON_DEMAND = idle(
  'OnDemand',
  'Nothing is downloaded before a VirtualMachine needs the image. To have it at once, list Providers in spec.download.providerRefs.',
);

export const NO_VMID = waiting(
  'NoFreeVmid',
  'There is no free VMID for the template. Widen the range of the Provider (spec.defaults.vmIdRange), or remove guests.',
  AGAIN,
);

export function refused(
  { metadata, spec }: VMImage,
  provider: string,
  grant: Grant | undefined,
): Problem | undefined {
  if (!grant)
    return {
      reason: 'ReferenceNotAllowed',
      message: `VMImages of namespace ${metadata.namespace} may not use Provider ${provider}. Correct spec.download.providerRefs, or ask the owner of the Provider to grant it (spec.grants).`,
    };
  const { url } = spec.download ?? {};
  return url === undefined || mayDownload(grant, url)
    ? undefined
    : { reason: 'NotGranted', message: downloadNotGranted(grant) };
}

/** As for VMs: the Provider's pool if the grant allows it, and otherwise the first that it allows. */
export function poolOf({ defaults: { pool } }: Connection, grant: Grant | undefined): string | undefined {
  const allowed = grant?.pools;
  return allowed === undefined || (pool !== undefined && allowed.includes(pool)) ? pool : allowed[0];
}

/** What it has of the image cannot be removed any more. */
export const gone = (provider: string, deleting: boolean): Outcome =>
  deleting
    ? settled()
    : waiting(
        'ProviderNotFound',
        `Provider ${provider} does not exist. Create it, or correct spec.download.providerRefs.`,
        AGAIN,
      );

export const notConnected = (provider: string): Outcome =>
  waiting(
    'ProviderNotReady',
    `Provider ${provider} is not connected to Proxmox VE. Its condition Ready says why; reconciliation resumes by itself.`,
    AGAIN,
  );

export const outcomeOfPlan = (next: Exclude<Plan, { kind: 'act' }>): Outcome =>
  next.kind === 'done' ? settledUntil(next.again) : waiting(next.reason, next.message, millis(next.again));

export const settledUntil = (again: number | undefined): Outcome =>
  again === undefined ? settled() : settled(millis(again));

/** What is tidied up afterwards is no reason not to be ready. */
export const stepTaken = (
  provider: string,
  { file }: Want,
  { current, download, areOthersMade }: Have,
): Outcome =>
  file !== undefined && areOthersMade && (current?.state === 'Ready' || hasIso(file, download))
    ? settled(SOON)
    : progressed(
        'StepTaken',
        `${contentOf(file ?? '') === 'iso' ? 'Downloading an ISO image' : 'Making a template'} with Provider ${provider}.`,
      );

const hasIso = (file: string, download: Have['download']): boolean =>
  contentOf(file) === 'iso' && download?.state === 'Downloaded' && isFile(download.volume, file);

/** What is in the way first; if nothing is, the one that is looked at again first. */
export function firstOf(outcomes: readonly Outcome[]): Outcome {
  const found = outcomes.find(({ kind }) => kind !== 'settled');
  if (found) return found;
  const times = outcomes.flatMap((each) => (each.kind === 'settled' ? (each.again ?? []) : []));
  return times.length === 0 ? settled() : settled(millis(Math.min(...times)));
}

export function statusOf({ status = {} }: VMImage, { downloads, templates }: Entries): VMImageStatus {
  const { downloads: _d, templates: _t, availableOn: _a, ...rest } = status;
  const ready = templates.filter(({ state }) => state === 'Ready');
  const isos = downloads.filter(({ state, volume }) => state === 'Downloaded' && contentOf(volume) === 'iso');
  const availableOn = [
    ...ready.map(({ provider, vmid, node }) => ({ provider, vmid, node })),
    ...isos.map(({ provider, node }) => ({ provider, node })),
  ];
  return {
    ...rest,
    ...(availableOn.length > 0 && { availableOn: availableOn.slice(0, MAX_LISTED) }),
    ...(downloads.length > 0 && { downloads: [...downloads] }),
    ...(templates.length > 0 && { templates: [...templates] }),
  };
}

/** What QEMU says where the format is not that of the file's name. */
const OTHER_FORMAT = /Image is not in \w+ format/;

/** @param message of the task that was to create the guest */
export const whyNotMade = (message: string): string =>
  OTHER_FORMAT.test(message)
    ? `${message}. The file at the URL has another format than its name says: set spec.download.format, to raw for a plain disk image.`
    : message;
