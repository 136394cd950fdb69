/** How a VM is called, resolves names, and talks to its guest agent. */
import { z } from 'zod';
import { ipFamily } from '../lib/ip.ts';
import { list, rule, word } from './schema.ts';

const DNS_NAME = /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/;

const guestName = word(
  DNS_NAME,
  253,
  'must be a DNS name: letters of either case, digits, hyphens and dots, for example WEB-01',
);

const searchDomain = word(DNS_NAME, 253, 'must be a domain, for example example.com');

const server = rule(z.string().max(64), {
  cel: 'isIP(self)',
  message: 'must be an IPv4 or IPv6 address',
  holds: (value) => ipFamily(value) !== undefined,
});

/** Fields of the spec. */
export const guestFields = {
  guestName: guestName
    .optional()
    .describe(
      'Name of the VM in Proxmox VE, and host name that cloud-init sets in the guest; absent: the name of this object. A change renames the VM in Proxmox VE at once, except where the cloud-init drive of Proxmox VE contains the name: then it is reported, unless userData.onChange is NextBoot.',
    ),
  dns: list(server, 8)
    .optional()
    .describe(
      'Name servers of the guest, set by cloud-init, also with DHCP; those in staticIP.dns come first. Absent: those of the template, or else of the node. A change counts as one of network data (userData.onChange).',
    ),
  searchDomain: searchDomain
    .optional()
    .describe(
      'Domain that the guest adds to names without dots, set by cloud-init, also with DHCP; absent: that of the template, or else of the node. A change counts as one of network data (userData.onChange).',
    ),
  guestAgent: z
    .object({
      fstrimClonedDisks: z
        .boolean()
        .optional()
        .describe(
          'Whether Proxmox VE has the guest return its free space to the storage after a disk was moved or the VM was migrated; absent: as in the template.',
        ),
    })
    .optional()
    .describe('What Proxmox VE does with the guest agent.'),
} as const;
