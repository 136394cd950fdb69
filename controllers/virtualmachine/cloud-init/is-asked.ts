/** Whether a spec asks for cloud-init data. Pure. */
import type { DesiredCloudInit, Shape } from '../model/desired.ts';

export const hasData = ({
  sshKeys,
  onChange: _onChange,
  documents: _documents,
  resolver: _resolver,
  ...texts
}: DesiredCloudInit): boolean =>
  sshKeys.length > 0 || Object.values(texts).some((text) => text !== undefined);

/**
 * A template is expected to have cloud-init, which then configures the networks as well. What is installed without one
 * configures itself, unless the spec has something to say to it.
 */
export const isAsked = (
  { nics, withoutTemplate, cloudInit }: Pick<Shape, 'nics' | 'withoutTemplate' | 'cloudInit'>,
  hasOwnData: boolean,
): boolean =>
  hasOwnData ||
  cloudInit?.resolver !== undefined ||
  (withoutTemplate
    ? (nics ?? []).some(({ staticIP, ipv6 }) => staticIP !== undefined || ipv6 !== undefined)
    : nics !== undefined);
