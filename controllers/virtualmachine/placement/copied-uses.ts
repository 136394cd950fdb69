/** What a copy of a VM would have of its source that its namespace may not use. Pure. */
import type { Reason } from '../../../src/api/index.ts';
import { parseDisk } from '../../../src/pve/index.ts';
import { askFor, mayUseVolume, type Grant } from '../../shared/grants/grants.ts';
import { isDrive } from '../../shared/guests/disks.ts';
import type { GuestConfig } from '../../shared/guests/model.ts';
import { mappedDevices } from '../config/devices.ts';
import { isOwnImage } from '../config/copied.ts';
import type { PlainSpec } from '../model/resolved-spec.ts';

/** Devices and images in CD drives come along with the configuration, unless the spec replaces or the operator removes them. */
export function copiedUseProblem(
  cloned: GuestConfig,
  { grant, shape }: Pick<PlainSpec, 'grant' | 'shape'>,
): { readonly reason: Reason; readonly message: string } | undefined {
  const device = shape?.devices
    ? undefined
    : mappedDevices(cloned).find((each) => !mayUseDevice(grant, each));
  if (device !== undefined)
    return notGranted(
      `a device of the resource mapping ${device.mapping}`,
      `Set spec.devices, or ${askFor('devices', grant)}.`,
      grant,
    );
  const image = imagesIn(cloned).find((volume) => !mayUseVolume(grant.volumes, volume));
  return image === undefined
    ? undefined
    : notGranted(
        `the image ${image} in a CD drive`,
        `Eject it there, or ${askFor('volumes', grant)}.`,
        grant,
      );
}

const mayUseDevice = ({ devices }: Grant, { mapping }: { readonly mapping: string }): boolean =>
  devices === 'all' || devices.includes(mapping);

const imagesIn = (config: GuestConfig): string[] =>
  Object.entries(config)
    .filter(([key]) => isDrive(key))
    .map(([, text]) => parseDisk(text))
    .filter(
      ({ cdrom, cloudInit, volume }) => cdrom && !cloudInit && volume.includes(':') && !isOwnImage(volume),
    )
    .map(({ volume }) => volume);

const notGranted = (what: string, wayOut: string, { namespace }: Grant) => ({
  reason: 'NotGranted' as const,
  message: `The source has ${what}, which VMs of namespace ${namespace} may not use, and which would come along. ${wayOut}`,
});
