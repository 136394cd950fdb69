/**
 * Decides on one step of a download through the operator: it is read once and verified, the upload is announced in
 * status with the size of the image, and sent. Its task, or the size of the file, then proves that all of it arrived:
 * Proxmox VE verifies the checksum, but gives the file its name before it has copied it. Pure.
 */
import type { DownloadEntry, FileSeen, Have, Plan, Progress, Step, TransferSeen } from './model.ts';
import { inFlightMs } from './in-flight.ts';

const POLL_MS = 2_000;
/** So often status says that it is still sent, so that whoever finds it knows when a request may last have arrived. */
const HEARTBEAT_MS = 20_000;
/** A change of this many per cent is worth a write of status. */
const STEP_PERCENT = 5;

const act = (step: Step): Plan => ({ kind: 'act', step });
const wait = (message: string, again = POLL_MS, reason = 'ImageNotReady'): Plan => ({
  kind: 'wait',
  reason,
  message,
  again,
});

/** Measured and verified, so that it may have been sent. */
const isMeasured = ({ size, sha256 }: DownloadEntry): boolean => size !== undefined && sha256 !== undefined;

/** Whether anything that was sent may still become a file. */
export const mayHaveBeenSent = (entry: DownloadEntry): boolean =>
  entry.via !== 'Operator' || isMeasured(entry);

export function followTransfer(download: DownloadEntry, have: Have): Plan {
  const { file, transfer, isUnsent, now } = have;
  if (!file || file.task.state === 'running') return moving(download);
  if (file.task.state === 'failed') return act({ do: 'failed', what: 'file', message: file.task.message });
  if (transfer && !isRecorded(download, transfer)) return ofTransfer(download, transfer, now);
  if (!isMeasured(download)) return act({ do: 'verify', entry: download });
  return find(download, file, { isUnsent, now });
}

const moving = ({ storage, node }: DownloadEntry): Plan =>
  wait(`Proxmox VE verifies the file and moves it to storage ${storage} of node ${node}.`);

/** It was measured, and may have been sent. */
function find(entry: DownloadEntry, file: FileSeen, { isUnsent, now }: Pick<Have, 'isUnsent' | 'now'>): Plan {
  if (file.isBusy) return moving(entry);
  if (file.isThere && file.size === entry.size) return act({ do: 'fileReady', entry });
  if (isUnsent(entry)) return act({ do: 'upload', entry });
  const left = inFlightMs(entry, now);
  return left > 0
    ? wait(
        'Whether the file was uploaded to Proxmox VE is not known. It is looked for before it is sent again.',
        Math.min(left, 5_000),
        'OutcomeUnknown',
      )
    : act({ do: 'announceUpload', entry });
}

/** What came of it stands in status, was overtaken by a failure, or is found out by looking. */
function isRecorded(entry: DownloadEntry, transfer: TransferSeen): boolean {
  switch (transfer.state) {
    case 'measured':
      return entry.sha256 === transfer.sha256;
    case 'uploaded':
      return !isMeasured(entry) || entry.task === transfer.task || hasFailedSince(entry, transfer.at);
    case 'failed':
      return hasFailedSince(entry, transfer.at);
    case 'unknown':
      return true;
    case 'queued':
    case 'running':
      return false;
    default:
      return transfer satisfies never;
  }
}

const hasFailedSince = ({ failure }: DownloadEntry, at: number): boolean =>
  failure !== undefined && Date.parse(failure.at) >= at;

function ofTransfer(entry: DownloadEntry, transfer: TransferSeen, now: number): Plan {
  switch (transfer.state) {
    case 'queued':
      return follow(entry, { phase: 'Queued', ahead: transfer.ahead }, now);
    case 'running':
      return follow(entry, transfer.progress, now);
    case 'measured':
      return act({ do: 'measured', entry, size: transfer.size, sha256: transfer.sha256 });
    case 'uploaded':
      return act({ do: 'uploaded', entry, task: transfer.task });
    case 'failed': {
      const { reason, message, isOfSource } = transfer;
      return act({ do: 'failed', what: 'file', message, reason, isOfSource });
    }
    case 'unknown':
      return wait('The connection to Proxmox VE broke.', 0);
    default:
      return transfer satisfies never;
  }
}

function follow(entry: DownloadEntry, progress: Progress, now: number): Plan {
  const isNews = progress.phase !== entry.progress?.phase || progress.ahead !== entry.progress.ahead;
  const isFar = Math.abs((progress.percent ?? 0) - (entry.progress?.percent ?? 0)) >= STEP_PERCENT;
  const isDue = now - Date.parse(entry.at) >= HEARTBEAT_MS;
  if (isNews || isFar || isDue) return act({ do: 'progress', entry, progress });
  switch (progress.phase) {
    case 'Queued':
      return wait('The file is downloaded by the operator, once it has finished others.');
    case 'Downloading':
    case 'Verifying':
      return wait('The operator downloads the file to verify it. status.downloads says how far it is.');
    case 'Uploading':
      return wait(
        `The operator uploads the file to storage ${entry.storage} of node ${entry.node}. status.downloads says how far it is.`,
      );
    default:
      return progress.phase satisfies never;
  }
}
