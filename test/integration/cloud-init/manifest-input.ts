/** cloud-init's input for the published manifests. */
import { z } from 'zod';
import {
  cloudInitImage,
  imageContent,
  type CloudInitInput,
  type ImageLayout,
} from '../../../src/cloudinit/index.ts';
import type { IsoFile } from '../../../src/cloudinit/iso9660.ts';
import { objectsIn, readManifest } from '../../fixtures/manifests.ts';

const Spec = z.object({
  networks: z
    .array(
      z.object({
        mac: z.string().optional(),
        staticIP: z
          .object({
            address: z.string(),
            gateway: z.string().optional(),
            dns: z.array(z.string()).default([]),
          })
          .optional(),
      }),
    )
    .default([]),
  userData: z.object({ cloudInit: z.object({ inline: z.string() }) }).optional(),
});

export function manifestInput(file: string, extra: Partial<CloudInitInput> = {}): CloudInitInput {
  const { metadata, spec } = objectsIn(readManifest(file)).find(({ kind }) => kind === 'VirtualMachine')!;
  const { networks, userData } = Spec.parse(spec);
  return {
    instanceId: `uid-of-${metadata.name}`,
    hostname: metadata.name,
    userData: userData?.cloudInit.inline,
    sshKeys: [],
    nics: networks.map(({ mac, staticIP }, index) => ({
      device: `net${index}`,
      mac: mac ?? `BC:24:11:00:00:0${index}`,
      dhcp4: !staticIP,
      addresses: staticIP ? [staticIP.address] : [],
      gateway4: staticIP?.gateway,
      dns: staticIP?.dns ?? [],
    })),
    ...extra,
  };
}

function contentOf(input: CloudInitInput, layout: ImageLayout) {
  const content = imageContent(layout, input);
  if ('problem' in content) throw new Error(content.problem);
  return content.value;
}

export const filesOf = (input: CloudInitInput, layout: ImageLayout = 'nocloud'): readonly IsoFile[] =>
  contentOf(input, layout).files;

export const imageOf = (input: CloudInitInput, layout: ImageLayout = 'nocloud'): Uint8Array =>
  cloudInitImage(contentOf(input, layout));

export const fileOf = (input: CloudInitInput, name: string): Uint8Array | undefined =>
  filesOf(input).find((file) => file.name === name)?.bytes;
