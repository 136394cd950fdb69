/** A template that virtual machines are cloned from, or an ISO image for their CD-ROM drives. */
import { z } from 'zod';
import { vmid, type Vmid } from '../lib/units.ts';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { kind, type Input, type Output } from './kind.ts';
import type { Resource } from './resource.ts';
import { list, text, vmidNumber } from './schema.ts';

/** A template by its VMID or name. */
export type TemplateSource = { readonly vmid: Vmid } | { readonly name: string };

/** An ISO image by its volume ID. */
export interface IsoSource {
  readonly iso: string;
}

export type ImageSource = TemplateSource | IsoSource;

const vmidPattern = /^[1-9][0-9]{2,8}$/;
/** Names of guests in Proxmox VE are DNS names; one that consists of digits is read as a VMID. */
const namePattern = /^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?$/;
const digits = /^[0-9]+$/;
const maxName = 255;
/** Commas and equals signs have a meaning of their own in the values of drives. */
const isoPattern =
  /^[a-zA-Z][a-zA-Z0-9_.-]*[a-zA-Z0-9]:iso\/[a-zA-Z0-9_][a-zA-Z0-9_.+@~-]*[.]([iI][sS][oO]|[iI][mM][gG])$/;

/** They hold the secrets of a VM (`imageName` of src/cloudinit). */
const ownImagePattern = /:iso\/virtrigaud-[0-9]+-/;
const ownImage = 'must not be an image that the operator made with the cloud-init data of a VM';

const elsewhere =
  'only templates, by name or VMID, and ISO images, for example local:iso/debian-12.iso, are supported: put one of them into Proxmox VE and name it here';
const malformed =
  'must be the name or the VMID of a template in Proxmox VE, for example ubuntu-22-template or 9000, or an ISO image, for example local:iso/debian-12.iso';

const problemWith = (source: string): string | undefined => {
  if (ownImagePattern.test(source)) return ownImage;
  if (source.length <= maxName && isoPattern.test(source)) return undefined;
  if (/[:/]/.test(source)) return elsewhere;
  if (source.length > maxName) return malformed;
  return (digits.test(source) ? vmidPattern : namePattern).test(source) ? undefined : malformed;
};

const source = z
  .union([z.string(), z.int()])
  .transform((value, ctx): ImageSource => {
    const wanted = String(value);
    const problem = problemWith(wanted);
    if (problem !== undefined) ctx.addIssue({ code: 'custom', message: problem });
    if (wanted.includes(':')) return { iso: wanted };
    return digits.test(wanted) ? { vmid: vmid(Number(wanted)) } : { name: wanted };
  })
  .meta({
    crd: {
      'x-kubernetes-int-or-string': true,
      'x-kubernetes-validations': [
        {
          rule: `type(self) == int || !self.matches('[:/]') || size(self) <= ${maxName} && self.matches(r'${isoPattern.source}')`,
          message: elsewhere,
        },
        {
          rule: `type(self) == int || !self.matches(r'${ownImagePattern.source}')`,
          message: ownImage,
        },
        {
          rule:
            'type(self) == int ? self >= 100 && self <= 999999999 : ' +
            `self.matches('[:/]') || size(self) <= ${maxName} && (self.matches(r'${digits.source}')` +
            ` ? self.matches(r'${vmidPattern.source}') : self.matches(r'${namePattern.source}'))`,
          message: malformed,
        },
      ],
    },
  });

const spec = z.object({
  source: source.describe(
    'Name or VMID of a template in Proxmox VE, or volume ID of an ISO image on one of its storages, for example local:iso/debian-12.iso. The name of a template must be unique in the cluster, except that each node may have a copy. An ISO image can only be put into CD-ROM drives (spec.cdroms of a VirtualMachine).',
  ),
});

const status = z.object({
  ...statusBase,
  availableOn: list(
    z.object({
      provider: text(320).describe('Provider that has the image, as namespace/name.'),
      vmid: vmidNumber.optional().describe('VMID of the template; absent: it is an ISO image.'),
      node: text(63).describe('Node the template is on, or that sees the storage of the ISO image.'),
    }),
    64,
  )
    .optional()
    .describe('Where the image is, at most 64 entries.'),
});

export const VMImage = kind({
  kind: 'VMImage',
  plural: 'vmimages',
  singular: 'vmimage',
  shortNames: ['vmimg'],
  description:
    'A template in Proxmox VE that virtual machines are cloned from, or an ISO image for their CD-ROM drives.',
  spec,
  status,
  reportedOnly: ['availableOn'],
  columns: [{ name: 'Source', type: 'string', jsonPath: '.spec.source' }, ready, age, readyMessage],
});

export type VMImageSpec = Output<typeof spec>;
export type VMImageSpecInput = Input<typeof spec>;
export type VMImageStatus = Output<typeof status>;
export type VMImage = Resource<VMImageSpec, VMImageStatus>;
