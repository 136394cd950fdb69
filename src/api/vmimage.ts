/** A template that virtual machines are cloned from, or an ISO image for their CD-ROM drives. */
import { z } from 'zod';
import { vmid, type Vmid } from '../lib/units.ts';
import { age, ready, readyMessage } from './columns.ts';
import { statusBase } from './conditions.ts';
import { kind, type Input, type Output } from './kind.ts';
import type { Resource } from './resource.ts';
import { list, rule, text, vmidNumber } from './schema.ts';
import { celIsIso, download, downloads, isIso, template, templates } from './vmimage-download.ts';
import { tag } from './virtualmachine-options.ts';

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

const fields = z.object({
  source: source
    .optional()
    .describe(
      'Name or VMID of a template in Proxmox VE, or volume ID of an ISO image on one of its storages, for example local:iso/debian-12.iso. The name of a template must be unique in the cluster, except that each node may have a copy. An ISO image can only be put into CD-ROM drives (spec.cdroms of a VirtualMachine).',
    ),
  sourceTag: tag
    .optional()
    .describe(
      'Tag of a template in Proxmox VE; each node may have one template with it, and case does not matter.',
    ),
  download: download
    .optional()
    .describe(
      'Disk image that Proxmox VE downloads and a template is made of, or ISO image that it downloads.',
    ),
  template: template
    .optional()
    .describe('Template that is made of the download. Changes are for templates that are made afterwards.'),
  deletionPolicy: z
    .enum(['Delete', 'Retain'])
    .optional()
    .describe(
      'What happens to the templates, or the ISO image, of a download when this object is deleted. Delete: they are removed, templates once no linked clone needs them. Retain: what is complete stays in Proxmox VE, and the rest is removed. Absent: Delete.',
    ),
});

const given = ({ source: byName, sourceTag, download: byUrl }: z.output<typeof fields>): number =>
  [byName, sourceTag, byUrl].filter((each) => each !== undefined).length;

const spec = rule(
  rule(
    rule(fields, {
      cel: `!has(self.download) || !has(self.template) || !${celIsIso('self.download')}`,
      message: 'must have template only with a disk image: no template is made of an ISO image',
      holds: (all) => all.template === undefined || all.download === undefined || !isIso(all.download),
    }),
    {
      cel: '(has(self.source) ? 1 : 0) + (has(self.sourceTag) ? 1 : 0) + (has(self.download) ? 1 : 0) == 1',
      message: 'must have exactly one of source, sourceTag and download',
      holds: (all) => given(all) === 1,
    },
  ),
  {
    cel: 'has(self.download) || !has(self.template) && !has(self.deletionPolicy)',
    message: 'must have template and deletionPolicy only with download',
    holds: (all) =>
      all.download !== undefined || (all.template === undefined && all.deletionPolicy === undefined),
  },
);

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
  downloads: downloads
    .optional()
    .describe('Files of downloads that templates are made of, until these are ready, and ISO images.'),
  templates: templates.optional().describe('Templates that were made, or are being made, for this VMImage.'),
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
  rules: [
    {
      rule: 'has(oldSelf.spec.download) == has(self.spec.download)',
      message: 'cannot be added or removed later: create another VMImage',
      fieldPath: '.spec.download',
    },
  ],
  columns: [
    { name: 'Source', type: 'string', jsonPath: ".spec['source','sourceTag','download.url']" },
    ready,
    { name: 'Percent', type: 'integer', jsonPath: '.status.downloads[0].progress.percent' },
    age,
    readyMessage,
  ],
});

export type VMImageSpec = Output<typeof spec>;
export type VMImageSpecInput = Input<typeof spec>;
export type VMImageStatus = Output<typeof status>;
export type VMImage = Resource<VMImageSpec, VMImageStatus>;
