import type { CloudInitInput, CloudInitNic, Documents } from '../../../src/cloudinit/index.ts';
import { readText, textsOf } from '../../../src/cloudinit/documents.ts';

export const ED25519 =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJscscHStQhxxPat6mmcGWgN9iFmWZC6gc9arYFPqajm one@example.com';
export const OTHER_ED25519 =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGuTu4KtM3CD+j4+QMV13z10Tuo66wDDeNBhiyYEd8Fr two@example.com';

export const aNic = (nic: Partial<CloudInitNic> = {}): CloudInitNic => ({
  device: 'net0',
  mac: 'BC:24:11:00:00:01',
  dhcp4: nic.addresses === undefined,
  addresses: [],
  dns: [],
  ...nic,
});

export const anInput = (input: Partial<CloudInitInput> = {}): CloudInitInput => ({
  instanceId: 'c7b0a0b2-5a55-4f0e-9b0c-3c1f6a0e9d11',
  hostname: 'web',
  userData: undefined,
  sshKeys: [],
  nics: [aNic()],
  ...input,
});

/** An input whose texts were read before, as a worker thread does it with long ones. */
export function aReadInput(change: Partial<CloudInitInput>): CloudInitInput {
  const input = anInput(change);
  const documents = textsOf(input).reduce<Documents>((all, text) => ({ ...all, ...readText(text) }), {});
  return { ...input, documents };
}

/** The value that was found; fails the test with the problem otherwise. */
export function found<T>(parsed: { readonly value: T } | { readonly problem: string }): T {
  if ('problem' in parsed) throw new Error(`unexpected problem: ${parsed.problem}`);
  return parsed.value;
}

export const problemOf = (parsed: object): string =>
  'problem' in parsed ? String(parsed.problem) : 'no problem was found';
