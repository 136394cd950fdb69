/** What a step is worth telling in an event. Pure. */
import type { EventNote } from '../../../src/runtime/controller.ts';
import { condition, normal } from '../../shared/errors/event.ts';
import { contentOf } from '../../shared/images/file-name.ts';
import type { DownloadEntry, Entries, TemplateEntry } from './model.ts';

/** Nodes without shared storage have files of the same name. */
const isSameFile = (a: DownloadEntry, b: DownloadEntry): boolean =>
  a.provider === b.provider && a.node === b.node && a.volume === b.volume;

const isSameTemplate = (a: TemplateEntry, b: TemplateEntry): boolean =>
  a.provider === b.provider && a.vmid === b.vmid;

/** What a step made of the entries. Without URLs, whose query may have a secret in it. */
export const eventsOf = (before: Entries, after: Entries): readonly EventNote[] => [
  ...after.downloads.flatMap((entry) =>
    ofDownload(
      entry,
      before.downloads.find((each) => isSameFile(each, entry)),
    ),
  ),
  ...after.templates.flatMap((entry) =>
    ofTemplate(
      entry,
      before.templates.find((each) => isSameTemplate(each, entry)),
    ),
  ),
  ...before.templates
    .filter(({ state }) => state === 'Deleting')
    .filter((entry) => !after.templates.some((each) => isSameTemplate(each, entry)))
    .map(({ vmid, provider }) =>
      normal('TemplateDestroyed', `Template ${vmid} of Provider ${provider} is gone.`),
    ),
];

/** A file that is asked for once more has the same entry, so that retries are no news; their failures are. */
function ofDownload(entry: DownloadEntry, before: DownloadEntry | undefined): readonly EventNote[] {
  const { storage, node, provider, volume, via, state, failure } = entry;
  if (!before) {
    const who = via === 'Operator' ? 'The operator fetches' : 'Proxmox VE downloads';
    const where = `to storage ${storage} on node ${node} of Provider ${provider}`;
    return [normal('Downloading', `${who} the file ${where}.`)];
  }
  if (failure && failure.attempts !== before.failure?.attempts)
    return [condition(failure.reason, failure.message)];
  return state === 'Downloaded' && before.state !== 'Downloaded' && contentOf(volume) === 'iso'
    ? [normal('ISODownloaded', `ISO image ${volume} is on node ${node} of Provider ${provider}.`)]
    : [];
}

function ofTemplate(entry: TemplateEntry, before: TemplateEntry | undefined): readonly EventNote[] {
  const { vmid, node, storage, provider, state } = entry;
  return state === 'Ready' && before?.state === 'Reserved'
    ? [
        normal(
          'TemplateCreated',
          `Template ${vmid} is on node ${node} and storage ${storage} of Provider ${provider}.`,
        ),
      ]
    : [];
}
