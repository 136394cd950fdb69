/** What a pass gathered for its report, with little in it unless a test says more. */
import type { CloudInitMode } from '../../../../controllers/virtualmachine/model/cloud-init.ts';
import type { Observed } from '../../../../controllers/virtualmachine/model/observed.ts';
import type { Facts } from '../../../../controllers/virtualmachine/model/facts.ts';
import { aDesiredVm, observed } from '../../../builders/guests.ts';

/** The network "lan" of the guest, with its name in the spec. */
export const NIC = {
  device: 'net0',
  model: 'virtio',
  mac: 'BC:24:11:00:00:01',
  bridge: 'vmbr0',
  vlan: undefined,
  settings: [],
  name: 'lan',
};

/** How the guest gets its data, and nothing else about it. */
export const planOf = (mode: CloudInitMode): Facts['cloudInit'] => ({ mode, keys: { set: {}, delete: [] } });

export type FactsChange = Partial<Omit<Facts, 'have'>> & { readonly have?: Partial<Observed> };

export const facts = ({ have, ...rest }: FactsChange = {}): Facts => ({
  want: aDesiredVm(),
  plan: { kind: 'steady' },
  started: undefined,
  nics: [],
  addresses: undefined,
  agent: 'notAsked',
  cloudInit: undefined,
  differences: [],
  notGranted: [],
  ignored: [],
  consoleURL: undefined,
  ...rest,
  have: observed(have),
});
