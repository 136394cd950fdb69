/** Which guests of a PVE cluster a VMImage means. Pure. */
import type { GuestView, View } from '../../../src/pve/index.ts';
import type { TemplateSource, Reason } from '../../../src/api/index.ts';
import { closestOf } from '../../../src/lib/closest.ts';
import type { Vmid } from '../../../src/lib/units.ts';
import { askFor, isOwnersGrant, selects, type Grant } from '../grants/grants.ts';

export type TemplatesFound =
  | { readonly ok: true; readonly guests: readonly GuestView[] }
  | { readonly ok: false; readonly reason: Reason; readonly message: string };

const refusal = (reason: Reason, message: string): TemplatesFound => ({ ok: false, reason, message });

/** The guests that a VMImage's source means: a VMID, or a name that each node may have a copy of. */
export function templatesNamed(source: TemplateSource, view: View, grant: Grant): TemplatesFound {
  const guests = [...view.guests.values()].filter((guest) => guest.type === 'qemu');
  if ('vmid' in source) return guestAt(source.vmid, guests, grant);
  const found = guests.filter((guest) => guest.template && guest.name === source.name);
  const nameless = guests.filter(({ name, nodeOffline }) => name === undefined && nodeOffline);
  if (found.length === 0 && nameless.length > 0) return maybeOffline(source.name, nameless);
  if (found.length === 0) return notFound(source.name, guests, grant);
  if (new Set(found.map((guest) => guest.node)).size < found.length)
    return refusal(
      'TemplateAmbiguous',
      `Several templates on one node are named "${source.name}": ${found.map((guest) => `${guest.vmid} on ${guest.node}`).join(', ')}. Refer to one by its VMID.`,
    );
  return { ok: true, guests: found };
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

const maybeOffline = (name: string, nameless: readonly GuestView[]): TemplatesFound =>
  refusal(
    'TemplateUnreachable',
    `No template named "${name}" is on a node that is online. It may be on ${nodesOf(nameless)}, which is offline: Proxmox VE does not name the guests there. ${REMEDY}`,
  );

/** Those of them that can be cloned now. */
export function templatesReachable(source: TemplateSource, view: View, grant: Grant): TemplatesFound {
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
