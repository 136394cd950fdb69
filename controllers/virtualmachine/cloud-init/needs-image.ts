/** Whether a new guest needs an image for its cloud-init data, as far as the spec says. Pure. */
import { requiredMode } from '../../../src/cloudinit/index.ts';
import type { Shape } from '../model/desired.ts';
import { cloudInitNics } from './nics.ts';

/** Data that cannot be delivered at all is reported elsewhere. */
export function needsImage({
  name,
  owner,
  cloudInit,
  nics = [],
}: Pick<Shape, 'name' | 'owner' | 'cloudInit' | 'nics'>): boolean {
  if (!cloudInit) return false;
  const devices = new Map(nics.map((nic, index) => [nic.name, `net${index}`]));
  const required = requiredMode({
    instanceId: owner.uid,
    hostname: name.split('.')[0] ?? name,
    ...cloudInit,
    nics: cloudInitNics(nics, { uid: owner.uid, devices, config: {} }),
  });
  return 'value' in required && required.value === 'Image';
}
