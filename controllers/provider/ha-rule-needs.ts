/** What the credentials need for HA rules. Pure. */
import type { Provider } from '../../src/api/index.ts';
import type { Need } from '../../src/pve/index.ts';
import type { Readable } from '../../src/runtime/controller.ts';
import { managesHaRules } from '../shared/cluster/ha-rules.ts';

// Sys.Audit, for reading them, is needed in any case.
const NEEDS: readonly Need[] = [
  // It also opens a shell on every node, so it is never part of the usual role.
  { path: '/', anyOf: ['Sys.Console'], since: 9, feature: 'haRules' },
];

/** Only for Providers that ask for it, where Proxmox VE has HA rules. */
export const haRuleNeeds = (
  { spec }: Readable<Provider>,
  version: { readonly major: number } | undefined,
): readonly Need[] => (managesHaRules(spec) && (version?.major ?? 0) >= 9 ? NEEDS : []);
