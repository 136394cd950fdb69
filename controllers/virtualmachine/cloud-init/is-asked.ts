/** Whether a spec asks for cloud-init data. Pure. */
import type { DesiredCloudInit, Shape } from '../model/desired.ts';

export const hasData = ({
  sshKeys,
  onChange: _onChange,
  documents: _documents,
  ...texts
}: DesiredCloudInit): boolean =>
  sshKeys.length > 0 || Object.values(texts).some((text) => text !== undefined);

/**
 * A template is expected to have cloud-init, which then configures the networks as well. What is installed without one
 * configures itself, unless the spec has something to say to it.
 */
export const isAsked = (
  { nics, withoutTemplate }: Pick<Shape, 'nics' | 'withoutTemplate'>,
  hasOwnData: boolean,
): boolean =>
  hasOwnData ||
  (withoutTemplate
    ? (nics ?? []).some(({ staticIP, ipv6 }) => staticIP !== undefined || ipv6 !== undefined)
    : nics !== undefined);
