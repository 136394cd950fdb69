/**
 * Decides on one step for one node of a Provider: download, create, convert, tidy up. Each request is announced in status before
 * it is sent. One whose outcome is not known is not sent again before it has been looked for, and has had the time to
 * arrive. Pure.
 */
import { FORCE_DELETE } from '../../../src/api/index.ts';
import { contentOf, isFile } from '../../shared/images/file-name.ts';
import { refusalIn } from '../../../src/pve/index.ts';
import type { Problem } from '../../shared/placement/image-places.ts';
import { CLONES_ARE_GONE, clonesText, type LinkedClone } from '../../shared/guests/linked-clones.ts';
import { asSentence } from '../../../src/lib/sentence.ts';
import { holdOffMs } from '../../shared/plan/hold-off.ts';
import { IN_FLIGHT_MS, inFlightMs } from './in-flight.ts';
import type { DownloadEntry, GuestSeen, Have, Plan, Step, TemplateEntry, Want } from './model.ts';
import { followTransfer, mayHaveBeenSent } from './transfer-plan.ts';
import { whyNotMade } from './words.ts';

const POLL_MS = 2_000;
const SEEN_AGAIN_MS = 30_000;
const REPORTED_PERCENT = 5;
/** Somebody has to remove a linked clone first. */
const DESTROY_AGAIN_MS = 60_000;

const act = (step: Step): Plan => ({ kind: 'act', step });
const wait = (reason: string, message: string, again: number): Plan => ({
  kind: 'wait',
  reason,
  message,
  again,
});
const DONE: Plan = { kind: 'done' };

export function plan(want: Want, have: Have): Plan {
  const making = want.file === undefined ? DONE : make(want, want.file, have);
  if (making.kind !== 'done') return making;
  return tidyUp(want, have);
}

function make(want: Want, file: string, have: Have): Plan {
  const { current, download } = have;
  if (current && current.state !== 'Reserved') return stillThere(current, have);
  if (isIso(file) && download && isFile(download.volume, file)) return provideIso(want, have, download);
  if (!want.isWanted && !current && !download) return DONE;
  const held = heldBack(want, have);
  if (held) return held;
  if (!download) return startDownload(file, have);
  // A file of a former spec is tidied up before the next is fetched: there is one at a time.
  return isWanted(download, file, want) ? proceed(download, have) : dropFile(download, have);
}

const isIso = (file: string): boolean => contentOf(file) === 'iso';

/** It is complete with the file. One that was deleted by hand is downloaded again once it is needed. */
function provideIso(want: Want, have: Have, download: DownloadEntry): Plan {
  if (download.state === 'Downloading') return heldBack(want, have) ?? follow(download, have);
  const { file } = have;
  const isGone = file !== undefined && !file.isThere && !file.isBusy;
  return isGone ? act({ do: 'forgetFile', entry: download }) : DONE;
}

/** One that has arrived is as good, whoever fetched it. */
const isWanted = (entry: DownloadEntry, file: string, want: Want): boolean =>
  isFile(entry.volume, file) && (entry.state === 'Downloaded' || (entry.via ?? 'ProxmoxVE') === want.via);

function proceed(download: DownloadEntry, have: Have): Plan {
  const { current } = have;
  if (current && have.guests.get(current.vmid)?.guest !== 'absent')
    return finishGuest(current, have, download);
  if (download.state === 'Downloading')
    return download.via === 'Operator' ? followTransfer(download, have) : follow(download, have);
  return current ? createGuest(current, have, download) : reserve(download, have);
}

/** One that was destroyed by hand is made again, and one that was moved serves another node. */
function stillThere(current: TemplateEntry, { guests }: Have): Plan {
  const seen = guests.get(current.vmid);
  if (current.state !== 'Ready' || !seen) return DONE;
  if (seen.guest === 'absent') return act({ do: 'forgetTemplate', entry: current });
  return seen.guest === 'template' && seen.node !== current.node
    ? act({ do: 'templateReady', entry: current, node: seen.node })
    : DONE;
}

/** Only another file helps, and each attempt reads it as far as the fault. */
const REFUSALS: ReadonlySet<string> = new Set(['ChecksumMismatch', 'DownloadRefused']);
const REFUSED_AGAIN_MS = 30 * 60_000;

function heldBack({ generation }: Want, { download, now }: Have): Plan | undefined {
  const failure = download?.failure;
  if (failure?.generation !== generation || download?.task !== undefined) return undefined;
  const isRefused = REFUSALS.has(failure.reason);
  const hold = isRefused ? Math.max(holdOffMs(failure), REFUSED_AGAIN_MS) : holdOffMs(failure);
  const left = Date.parse(failure.at) + hold - now;
  return left <= 0
    ? undefined
    : wait(
        failure.reason,
        `${asSentence(failure.message)} It failed ${failure.attempts} ${failure.attempts === 1 ? 'time' : 'times'} and is tried again, at the latest after ${isRefused ? '30' : '5'} minutes. Fix the cause, or edit the spec to try at once.`,
        left,
      );
}

const isProblem = (value: object | string): value is Problem =>
  typeof value === 'object' && 'reason' in value;

const startDownload = (file: string, { place }: Have): Plan =>
  isProblem(place)
    ? wait(place.reason, place.message, SEEN_AGAIN_MS)
    : act({ do: 'announceDownload', place, file });

const downloading = ({ node, storage, progress }: DownloadEntry): Plan =>
  wait(
    'ImageNotReady',
    `Proxmox VE downloads the file to storage ${storage} on node ${node}${progress?.percent === undefined ? '' : `, ${progress.percent} % done`}.`,
    POLL_MS,
  );

/** At most twenty writes for a file, however long it takes. */
const reportProgress = (entry: DownloadEntry, percent: number | undefined): Plan =>
  percent !== undefined && percent >= (entry.progress?.percent ?? 0) + REPORTED_PERCENT
    ? act({ do: 'progress', entry, progress: { phase: 'Downloading', percent } })
    : downloading(entry);

function follow(download: DownloadEntry, { file, isUnsent, now }: Have): Plan {
  if (!file || file.task.state === 'running') return reportProgress(download, file?.percent);
  if (file.task.state === 'failed') return act({ do: 'failed', what: 'file', message: file.task.message });
  if (file.isThere) return act({ do: 'fileReady', entry: download });
  if (file.isBusy) return downloading(download);
  if (isUnsent(download)) return act({ do: 'download', entry: download });
  const left = inFlightMs(download, now);
  if (left > 0)
    return wait(
      'OutcomeUnknown',
      'Whether Proxmox VE began to download the file is not known. It is looked for before it is asked again.',
      Math.min(left, 5_000),
    );
  return act({
    do: 'announceDownload',
    place: { node: download.node, storage: download.storage },
    file: download.volume.slice(download.volume.indexOf('/') + 1),
  });
}

function reserve(entry: DownloadEntry, { target }: Have): Plan {
  if (typeof target === 'string') return act({ do: 'reserve', entry, storage: target });
  return wait(target.reason, target.message, SEEN_AGAIN_MS);
}

const making = ({ vmid, node, storage }: TemplateEntry): Plan =>
  wait('ImageNotReady', `Template ${vmid} is being made on node ${node} and storage ${storage}.`, POLL_MS);

/** The VMID is free. */
function createGuest(current: TemplateEntry, have: Have, download: DownloadEntry): Plan {
  const task = have.guests.get(current.vmid)?.task;
  if (task?.state === 'running') return making(current);
  if (task?.state === 'failed')
    return act({ do: 'failed', what: current.vmid, message: whyNotMade(task.message) });
  // Somebody deleted it before the template was made.
  if (have.file && !have.file.isThere && !have.file.isBusy) return act({ do: 'forgetFile', entry: download });
  if (have.isUnsent(current)) return act({ do: 'create', entry: current, download });
  const left = inFlightMs({ ...download, at: current.at }, have.now);
  if (left > 0)
    return wait(
      'OutcomeUnknown',
      `Whether Proxmox VE began to create template ${current.vmid} is not known. It is looked for before it is asked again.`,
      Math.min(left, 5_000),
    );
  return act({ do: 'announceCreate', entry: current });
}

/** It may be the template, so nothing else is made, and nothing is forgotten. */
const unreadable = ({ vmid }: TemplateEntry, unknown: string): Plan =>
  wait(
    'CannotProveAbsence',
    `VMID ${vmid} is taken, and the guest cannot be read, so it is not known ${unknown}. Bring its node back, or grant VM.Audit on /vms/${vmid}.`,
    SEEN_AGAIN_MS,
  );

/** There is a guest with the VMID, or nothing is known of it. */
function finishGuest(current: TemplateEntry, { guests, target }: Have, entry: DownloadEntry): Plan {
  const seen = guests.get(current.vmid);
  if (!seen || seen.task.state === 'running' || seen.guest === 'busy') return making(current);
  switch (seen.guest) {
    case 'template':
      return act({ do: 'templateReady', entry: current, node: seen.node });
    case 'guest':
      return seen.task.state === 'failed'
        ? act({ do: 'failed', what: current.vmid, message: seen.task.message })
        : act({ do: 'convert', entry: current, node: seen.node });
    case 'absent':
      return making(current);
    case 'unknown':
      return unreadable(current, 'whether it is the template');
    case 'foreign':
      // Somebody else took the number before we did. It is left alone.
      return typeof target === 'string'
        ? act({ do: 'reserve', entry, storage: target, instead: current.vmid })
        : wait(target.reason, target.message, SEEN_AGAIN_MS);
    default:
      return seen.guest satisfies never;
  }
}

function tidyUp(want: Want, have: Have): Plan {
  const { download, old, former, isFileNeeded } = have;
  if (!isMade(want, have)) return DONE;
  const isKept = want.file !== undefined && isIso(want.file);
  const plans = [
    ...(download && !isKept && !isFileNeeded ? [dropFile(download, have)] : []),
    ...(former ? [dropFormer(former, have)] : []),
    ...old.map((each) => destroy(each, have)),
  ];
  const next = plans.find(({ kind }) => kind === 'act') ?? plans[0] ?? DONE;
  // New templates are there: what is left to be removed is no reason not to be ready.
  return want.file !== undefined && next.kind === 'wait' ? { kind: 'done', again: next.again } : next;
}

/** What the spec asks for is there, or nothing is to be there. */
function isMade({ file, isWanted: isNeeded }: Want, { current, download, isMadeElsewhere }: Have): boolean {
  if (file === undefined) return true;
  if (isIso(file)) return download?.state === 'Downloaded' && isFile(download.volume, file);
  return current ? current.state === 'Ready' : !isNeeded && isMadeElsewhere;
}

const dropFormer = ({ entry, file, isUsed }: NonNullable<Have['former']>, have: Have): Plan =>
  isUsed
    ? wait(
        'InUse',
        `The ISO image ${entry.volume} is in a CD-ROM drive, or a snapshot may name it.`,
        SEEN_AGAIN_MS,
      )
    : dropFile(entry, { ...have, file });

/** Until nothing can bring it back. */
function dropFile(entry: DownloadEntry, { file, isUnsent, now }: Have): Plan {
  const removing = wait('CleaningUp', `The downloaded file ${entry.volume} is being deleted.`, POLL_MS);
  if (!file || file.task.state === 'running' || file.isBusy) return removing;
  if (file.isThere) return act({ do: 'deleteFile', entry });
  const mayArrive =
    entry.state === 'Downloading' &&
    entry.task === undefined &&
    mayHaveBeenSent(entry) &&
    !isUnsent(entry) &&
    inFlightMs(entry, now) > 0;
  return mayArrive ? removing : act({ do: 'forgetFile', entry });
}

function destroy(entry: TemplateEntry, { guests, isUnsent, now }: Have): Plan {
  const seen = guests.get(entry.vmid);
  const removing = wait('CleaningUp', `Template ${entry.vmid} is being destroyed.`, POLL_MS);
  if (!seen || seen.task.state === 'running' || seen.guest === 'busy') return removing;
  if (seen.guest === 'absent')
    return isGone(entry, { isUnsent, now }) ? act({ do: 'forgetTemplate', entry }) : removing;
  if (seen.guest === 'foreign') return act({ do: 'forgetTemplate', entry });
  if (seen.guest === 'unknown') return unreadable(entry, 'whether the template is gone');
  return remove(entry, seen, { isUnsent, now });
}

/** Nothing that was asked for can still create it. */
const isGone = (entry: TemplateEntry, { isUnsent, now }: Pick<Have, 'isUnsent' | 'now'>): boolean =>
  entry.state !== 'Reserved' ||
  entry.task !== undefined ||
  isUnsent(entry) ||
  Date.parse(entry.at) + IN_FLIGHT_MS <= now;

function remove(
  entry: TemplateEntry,
  { task, node, clones = [] }: GuestSeen,
  { isUnsent, now }: Pick<Have, 'isUnsent' | 'now'>,
): Plan {
  if (entry.state !== 'Deleting') return act({ do: 'announceDestroy', entry });
  if (isUnsent(entry)) return act({ do: 'destroy', entry, node });
  const isRefused = task.state === 'failed' && refusalIn(task.message) !== 'locked';
  const left = Date.parse(entry.at) + (isRefused ? DESTROY_AGAIN_MS : IN_FLIGHT_MS) - now;
  if (left <= 0) return act({ do: 'announceDestroy', entry });
  return isRefused
    ? wait(
        'TaskFailed',
        `Proxmox VE does not destroy template ${entry.vmid}: ${task.message}. ${neededBy(clones)} It is tried again each minute.`,
        Math.min(left, SEEN_AGAIN_MS),
      )
    : wait('CleaningUp', `Template ${entry.vmid} is being destroyed.`, POLL_MS);
}

/** Proxmox VE says that there are clones, and not which. */
const neededBy = (clones: readonly LinkedClone[]): string =>
  `${clones.length === 0 ? 'A linked clone may need it' : `Linked clones need it: ${clonesText(clones)}`}. It is destroyed once ${CLONES_ARE_GONE}. To keep it, set spec.deletionPolicy to Retain; to delete only this object, set the annotation ${FORCE_DELETE}: "true".`;
