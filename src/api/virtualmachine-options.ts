/** What a VM is called and how its node treats it: options of a guest that take effect at once. */
import { z } from 'zod';
import { duration, list, rule, text, word } from './schema.ts';

const tag = word(
  /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/,
  64,
  'must be a tag of Proxmox VE: letters, digits, hyphens, dots, plus signs and underscores',
);

/** Beneath it stands our mark, and a second one would make it a question whose guest it is. */
const description = rule(text(4096), {
  cel: "!self.contains('virtrigaud: ')",
  message: 'must not contain "virtrigaud: ", which starts the line that says whose guest it is',
  holds: (value) => !value.includes('virtrigaud: '),
});

const startup = rule(
  z.object({
    order: z
      .int32()
      .min(0)
      .max(100_000)
      .optional()
      .describe('Place in the order in which a node starts its VMs; it stops them in the reverse order.'),
    upDelay: duration.optional().describe('How long the node waits before it starts the next VM.'),
    downDelay: duration
      .optional()
      .describe('How long the VM may take to shut down when its node does, before the next one.'),
  }),
  {
    cel: 'has(self.order) || has(self.upDelay) || has(self.downDelay)',
    message: 'must have at least one of order, upDelay and downDelay',
    holds: ({ order, upDelay, downDelay }) =>
      order !== undefined || upDelay !== undefined || downDelay !== undefined,
  },
);

/** Fields of the spec; each that is absent leaves in Proxmox VE what stands there. */
export const optionFields = {
  tags: list(tag, 50)
    .optional()
    .describe(
      'Tags in Proxmox VE, in any case and order. Tags that others set are kept; one that leaves the list is removed if the operator set it.',
    ),
  description: description
    .optional()
    .describe(
      'Notes in Proxmox VE, above the line that says whose guest it is; absent: what stands there is kept.',
    ),
  startup: startup.optional().describe('When the node starts and stops the VM with itself.'),
  onBoot: z.boolean().optional().describe('Whether the VM is started when its node is.'),
  protection: z
    .boolean()
    .optional()
    .describe(
      'true: Proxmox VE removes neither the VM nor its disks, and the object is not deleted until it is false.',
    ),
} as const;
