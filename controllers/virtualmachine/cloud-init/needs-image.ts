/** Whether a new guest needs an image for its cloud-init data, as far as the spec says. Pure. */
import { requiredMode } from '../../../src/cloudinit/index.ts';
import type { Shape } from '../model/desired.ts';
import { inputOf } from './validate.ts';

/** Data that cannot be delivered at all is reported elsewhere. */
export function needsImage({
  cloudInit,
  ...want
}: Pick<Shape, 'name' | 'owner' | 'cloudInit' | 'nics'>): boolean {
  if (!cloudInit) return false;
  const required = requiredMode(inputOf({ ...want, cloudInit }));
  return 'value' in required && required.value === 'Image';
}
