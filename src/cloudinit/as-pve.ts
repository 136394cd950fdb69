/**
 * What PVE says in its user-data besides what its keys give it (qemu-server, Cloudinit.pm, cloudinit_userdata). An image
 * says the same as long as the user-data is nothing that PVE's drive could not express, so that an address more, or a
 * second file, changes nothing else in the guest. Next to other user-data PVE says nothing either (cicustom).
 */
import type { CloudInitInput } from './input.ts';
import { nativeUserData } from './native.ts';
import { readUserData } from './user-data.ts';

/** Settings for vendor-data, which cloud-init merges below the user-data. */
export function settingsAsPve(input: CloudInitInput): Readonly<Record<string, unknown>> {
  const data = input.ignition === undefined ? nativeUserData({ ...input, alwaysUpgrades: false }) : undefined;
  if (!data) return {};
  const isRoot = (data.user ?? input.inherited?.user) === 'root';
  return {
    manage_etc_hosts: true,
    chpasswd: { expire: false },
    ...(isRoot ? { disable_root: false } : { users: ['default'] }),
  };
}

/**
 * The name for the meta-data, from which cloud-init takes what the user-data does not say. A host name of its own there
 * stands alone: with our domain, distributions that prefer the FQDN would use our name.
 */
export function localHostname(input: CloudInitInput): string {
  const { hostname, fqdn = hostname } = input;
  const read = readUserData(input);
  const data = 'problem' in read ? undefined : read.value;
  const own = data?.kind === 'cloudConfig' ? data.config.hostname : undefined;
  return own === undefined || own === hostname ? fqdn : own;
}
