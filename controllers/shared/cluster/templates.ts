/** Which guests of a PVE cluster a VMImage means. Pure. */
import type { GuestView, View } from '../../../src/pve/index.ts';
import type { Reason } from '../../../src/api/index.ts';
import { closestOf } from '../../../src/lib/closest.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import { askFor, isOwnersGrant, selects, type Grant } from '../grants/grants.ts';
import type { MadeTemplates, WantedTemplates } from '../images/wanted.ts';

export type TemplatesFound =
  | { readonly ok: true; readonly guests: readonly GuestView[] }
  | { readonly ok: false; readonly reason: Reason; readonly message: string };

const refusal = (reason: Reason, message: string): TemplatesFound => ({ ok: false, reason, message });

/** The guests that a VMImage means: a VMID, a name or a tag that each node may have a copy of, or what was made for it. */
export function templatesNamed(source: WantedTemplates, view: View, grant: Grant): TemplatesFound {
  const guests = [...view.guests.values()].filter((guest) => guest.type === 'qemu');
  if ('vmid' in source) return guestAt(source.vmid, guests, grant);
  if ('made' in source) return madeAmong(source, guests);
  const wanted = wantedBy(source);
  const found = guests.filter((guest) => guest.template && wanted.is(guest));
  const nameless = guests.filter(({ name, nodeOffline }) => name === undefined && nodeOffline);
  if (found.length === 0 && nameless.length > 0) return maybeOffline(wanted.what, nameless);
  if (found.length === 0)
    return 'tag' in source ? noneTagged(source.tag, guests) : notFound(source.name, guests, grant);
  if (new Set(found.map((guest) => guest.node)).size < found.length)
    return refusal(
      'TemplateAmbiguous',
      `Several templates on one node ${wanted.are}: ${found.map((guest) => `${guest.vmid} on ${guest.node}`).join(', ')}. ${wanted.wayOut}`,
    );
  return { ok: true, guests: found };
}

interface Wanted {
  readonly is: (guest: GuestView) => boolean;
  /** `template named "ubuntu"` */
  readonly what: string;
  /** `are named "ubuntu"` */
  readonly are: string;
  readonly wayOut: string;
}

function wantedBy(source: { readonly name: string } | { readonly tag: string }): Wanted {
  if ('name' in source)
    return {
      is: ({ name }) => name === source.name,
      what: `template named "${source.name}"`,
      are: `are named "${source.name}"`,
      wayOut: 'Refer to one by its VMID.',
    };
  return {
    is: ({ tags }) => tags.some((tag) => tag.toLowerCase() === source.tag.toLowerCase()),
    what: `template with the tag "${source.tag}"`,
    are: `have the tag "${source.tag}"`,
    wayOut: 'Remove the tag from all but one of each node, or refer to one by its VMID.',
  };
}

function noneTagged(tag: string, guests: readonly GuestView[]): TemplatesFound {
  const there = closestOf(tag, [...new Set(guests.flatMap((guest) => (guest.template ? guest.tags : [])))]);
  return refusal(
    'TemplateNotFound',
    `Proxmox VE has no template with the tag "${tag}" that the credentials may see (privilege VM.Audit); ${there === '' ? 'no template has a tag' : `templates there have the tags ${there}`}. Add the tag to a template, or correct spec.sourceTag of the VMImage.`,
  );
}

/**
 * Status says which they are, and the list of guests whether they are there. Their configuration is read before one is
 * cloned: it has their mark, and says that they are templates, which the list does only after 10 s (pvestatd).
 */
function madeAmong({ made, progress }: MadeTemplates, guests: readonly GuestView[]): TemplatesFound {
  const found = guests.filter(({ vmid }) => made.includes(vmid));
  return found.length > 0 ? { ok: true, guests: found } : refusal('ImageNotReady', progress);
}

/** A name of an ordinary VM is only known to those who may clone it. */
function notFound(name: string, guests: readonly GuestView[], grant: Grant): TemplatesFound {
  const namesake = guests.find(
    (guest) => guest.name === name && (isOwnersGrant(grant) || selects(grant.sources, guest)),
  );
  if (namesake)
    return refusal(
      'TemplateNotFound',
      `"${name}" is VM ${namesake.vmid} in Proxmox VE, which is not a template. Convert it to a template (qm template ${namesake.vmid} on its node, which cannot be undone), or set spec.source of the VMImage to ${namesake.vmid} to clone it as it is.`,
    );
  const there = closestOf(
    name,
    guests.flatMap((guest) => (guest.template && guest.name) || []),
  );
  return refusal(
    'TemplateNotFound',
    `Proxmox VE has no template named "${name}" that the credentials may see (privilege VM.Audit); ${there === '' ? 'there are none' : `the templates there are ${there}`}. Correct spec.source of the VMImage; a VM that is not a template is named there by its VMID.`,
  );
}

/** One that is not a template must be granted; if it is not, it is not said to exist. */
function guestAt(vmid: Vmid, guests: readonly GuestView[], grant: Grant): TemplatesFound {
  const found = guests.filter(
    (guest) => guest.vmid === vmid && (guest.template || selects(grant.sources, guest)),
  );
  if (found.length > 0) return { ok: true, guests: found };
  return isOwnersGrant(grant)
    ? refusal(
        'TemplateNotFound',
        `Proxmox VE has no VM ${vmid}, or the credentials may not see it. Correct the VMID, or grant VM.Audit on /vms/${vmid}.`,
      )
    : refusal(
        'TemplateNotFound',
        `Proxmox VE has no template ${vmid}, and no other VM ${vmid} that VMs of namespace ${grant.namespace} may be cloned from. Correct spec.source of the VMImage, or ${askFor('sources', grant)}.`,
      );
}

const REMEDY = 'Bring the node back, or provide a copy of the template on another node.';

const nodesOf = (guests: readonly GuestView[]): string =>
  [...new Set(guests.map(({ node }) => node))].toSorted().join(' or ');

/** @param what `template named "ubuntu"` */
const maybeOffline = (what: string, nameless: readonly GuestView[]): TemplatesFound =>
  refusal(
    'TemplateUnreachable',
    `No ${what} is on a node that is online. It may be on ${nodesOf(nameless)}, which is offline: Proxmox VE does not name the guests there. ${REMEDY}`,
  );

/** Those of them that can be cloned now. */
export function templatesReachable(source: WantedTemplates, view: View, grant: Grant): TemplatesFound {
  const named = templatesNamed(source, view, grant);
  if (!named.ok) return named;
  const guests = named.guests.filter(({ node }) =>
    view.nodes.some(({ name, online }) => name === node && online),
  );
  return guests.length > 0
    ? { ok: true, guests }
    : refusal(
        'TemplateUnreachable',
        `Template ${named.guests.map(({ vmid, node }) => `${vmid} is on node ${node}, which is offline`).join('; ')}. ${REMEDY}`,
      );
}
