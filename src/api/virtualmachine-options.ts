/** Options of a VM that take effect at once: tags, description, startup order, protection. */
import { z } from 'zod';
import { duration, list, rule, text, word } from './schema.ts';

export const tag = word(
  /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/,
  64,
  'must be a tag of Proxmox VE: letters, digits, hyphens, dots, plus signs and underscores',
);

/** The owner mark follows the description; a second mark would make the owner ambiguous. */
const description = rule(text(4096), {
  cel: "!self.contains('virtrigaud: ')",
  message: 'must not contain "virtrigaud: ", which starts the line that identifies the VirtualMachine',
  holds: (value) => !value.includes('virtrigaud: '),
});

const startup = rule(
  z.object({
    order: z
      .int32()
      .min(0)
      .max(100_000)
      .optional()
      .describe(
        'Position in the order in which the node starts its VMs. It stops them in the reverse order.',
      ),
    upDelay: duration.optional().describe('Time the node waits before it starts the next VM.'),
    downDelay: duration
      .optional()
      .describe('Time the node waits for the VM to shut down before it stops the next one.'),
  }),
  {
    cel: 'has(self.order) || has(self.upDelay) || has(self.downDelay)',
    message: 'must have at least one of order, upDelay and downDelay',
    holds: ({ order, upDelay, downDelay }) =>
      order !== undefined || upDelay !== undefined || downDelay !== undefined,
  },
);

/** Fields of the spec. An absent field leaves the setting of an existing VM unchanged. */
export const optionFields = {
  tags: list(tag, 50)
    .optional()
    .describe(
      'Tags in Proxmox VE; case and order do not matter. A tag that is removed from the list is removed in Proxmox VE if the operator set it. Other tags are kept.',
    ),
  description: description
    .optional()
    .describe(
      'Notes in Proxmox VE, followed by the line that identifies the VirtualMachine; absent: unchanged.',
    ),
  startup: startup
    .optional()
    .describe('Order and delays when the node starts and stops its VMs; absent: unchanged.'),
  onBoot: z
    .boolean()
    .optional()
    .describe(
      'Whether the VM is started when its node boots; absent: a new VM is not, and later changes in Proxmox VE stay.',
    ),
  protection: z
    .boolean()
    .optional()
    .describe(
      'Whether Proxmox VE refuses to remove the VM and its disks. While it is true, the deletion of this object waits. Absent: a new VM is not protected, and later changes in Proxmox VE stay.',
    ),
} as const;
