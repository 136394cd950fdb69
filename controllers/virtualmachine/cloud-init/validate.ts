/** Invalid data, found before anything is made: what is wrong with it does not depend on the guest. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import { imageContent, type CloudInitInput } from '../../../src/cloudinit/index.ts';
import type { DesiredCloudInit, DesiredNic, Unresolved } from '../model/desired.ts';
import { cloudInitNics } from './nics.ts';

/** `undefined` also for a guest that exists: its data is checked with what the guest has. */
export function invalidCloudInit(
  { metadata: { name, uid }, spec, status }: VirtualMachine,
  desired: DesiredCloudInit,
  nics: readonly DesiredNic[] = [],
): Unresolved | undefined {
  if (status?.vmid !== undefined || spec.adopt !== undefined || desired.snippet !== undefined)
    return undefined;
  const input: CloudInitInput = {
    instanceId: uid,
    hostname: name,
    ...desired,
    nics: cloudInitNics(nics, {
      uid,
      devices: new Map(nics.map((nic, index) => [nic.name, `net${index}`])),
      config: {},
    }),
  };
  // The template decides how the data is arranged; it counts as valid if it is in one of the two ways.
  const problems = [imageContent('nocloud', input), imageContent('configdrive2', input)].flatMap((result) =>
    'problem' in result ? [result.problem] : [],
  );
  const [message] = problems;
  return problems.length < 2 || message === undefined
    ? undefined
    : {
        ok: false,
        reason: desired.ignition === undefined ? 'CloudInitInvalid' : 'IgnitionInvalid',
        message,
      };
}
