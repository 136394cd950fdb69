/** What goes, and what stays, when a VMImage is deleted whose templates were made of a download. Pure. */
import { FORCE_DELETE, type VMImage } from '../../../src/api/index.ts';
import type { Volume } from '../../../src/pve/index.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import type { EventNote } from '../../../src/runtime/controller.ts';
import { normal } from '../../shared/errors/event.ts';
import type { LinkedClone } from '../../shared/guests/linked-clones.ts';
import { contentOf } from '../../shared/images/file-name.ts';
import type { Entries } from './model.ts';

export const keepsTemplates = ({ spec }: VMImage): boolean => spec.deletionPolicy === 'Retain';

const isIso = ({ state, volume }: Entries['downloads'][number]): boolean =>
  state === 'Downloaded' && contentOf(volume) === 'iso';

/** What is left to be removed. Templates and ISO images are worth keeping: what was to become one is not. */
export function leaving(image: VMImage, entries: Entries): Entries {
  if (image.metadata.annotations[FORCE_DELETE] === 'true') return { downloads: [], templates: [] };
  return keepsTemplates(image)
    ? {
        downloads: entries.downloads.filter((each) => !isIso(each)),
        templates: entries.templates.filter(({ state }) => state !== 'Ready'),
      }
    : entries;
}

/** The words of one event about everything that stays in Proxmox VE. */
export function leftBehind({ downloads, templates }: Entries): { readonly events?: readonly EventNote[] } {
  const left = [
    ...templates.map(({ vmid, node, provider }) => `VM ${vmid} on node ${node} of Provider ${provider}`),
    ...downloads.map(
      ({ volume, node, provider }) => `volume ${volume} on node ${node} of Provider ${provider}`,
    ),
  ];
  return left.length === 0
    ? {}
    : {
        events: [
          normal('Retained', `Left in Proxmox VE: ${left.join(', ')}. Nothing looks after it any more.`),
        ],
      };
}

/** Volumes of other guests that are based on those of a template (pve-storage: the names of base volumes begin with `base-VMID-`). */
export const clonesOf = (template: Vmid, volumes: readonly Volume[]): readonly LinkedClone[] =>
  volumes.flatMap(({ volid, vmid, parent = volid }) =>
    vmid !== undefined && vmid !== template && parent.includes(`base-${template}-`)
      ? [{ volume: volid, vmid, listed: true }]
      : [],
  );
