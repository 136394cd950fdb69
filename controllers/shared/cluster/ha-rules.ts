/** Whether the operator keeps HA rules with a Provider: whether it is to, and whether its version has them. Pure. */
import type { ProviderSpec } from '../../../src/api/index.ts';
import { compareVersions } from '../../../src/pve/index.ts';

/** The first version of Proxmox VE with HA rules; before, there are HA groups. */
const SINCE = '9.0';

export const managesHaRules = ({ ha }: Partial<ProviderSpec>): boolean => ha?.rules === 'Manage';

/**
 * Why this version has no HA rules, as a sentence; `undefined`: it has, or nothing is known.
 * @param releases of the nodes, as far as they are known
 */
export function lackOfHaRules(releases: readonly string[]): string | undefined {
  const [oldest] = releases.toSorted(compareVersions);
  return oldest === undefined || compareVersions(oldest, SINCE) >= 0
    ? undefined
    : `HA rules need Proxmox VE ${SINCE} or newer on every node, and the oldest one runs ${oldest}.`;
}
