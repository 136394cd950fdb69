/**
 * A bridge that a node certainly lacks is not written into a guest: PVE accepts it for the next start, and the guest would
 * not start again. Pure.
 */
import { parseNic } from '../../../src/pve/index.ts';
import { nonEmpty, settingOnly } from '../../shared/guests/keys.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { ConfigChange } from '../model/config.ts';
import type { Desired } from '../model/desired.ts';
import type { Observed } from '../model/observed.ts';
import { bridgesInstead, firstMissingBridge, type Bridges } from './bridges.ts';
import { nicsOf } from './nics.ts';

type Wanted = Extract<Desired, { exists: true }>;

/** The spec names a bridge that no NIC of the guest is on. */
export function asksForOtherBridge(
  { nics = [], held }: Pick<Wanted, 'nics' | 'held'>,
  { config }: Pick<Guest, 'config'>,
): boolean {
  const present = new Set(nicsOf(config).map(({ bridge }) => bridge));
  return nics.some(({ name, bridge }) => !present.has(bridge) && !held?.nics.includes(name));
}

/**
 * Sets NICs aside that would be put on a bridge that the node lacks.
 * @param granted - the bridges that the namespace may use; absent: all
 */
export function withoutMissingBridges(
  change: ConfigChange | undefined,
  { config, node }: Pick<Guest, 'config' | 'node'>,
  bridges: Bridges = 'unknown',
  granted?: readonly string[],
): Pick<Observed, 'change' | 'nicsNotApplied'> {
  if (!change || bridges === 'unknown') return { change };
  const lacking = Object.entries(change.set).flatMap(([device, value]) => {
    const missing = missingBridge(device, String(value), { config, bridges });
    return missing === undefined ? [] : [{ device, missing }];
  });
  if (lacking.length === 0) return { change };
  return {
    change: nonEmpty(settingOnly(change, (key) => !lacking.some(({ device }) => device === key))),
    nicsNotApplied: lacking.map(
      ({ device, missing }) =>
        `Network interface ${device} is not changed, because node ${node} has no bridge ${missing} and the VM could not start with it. It has ${bridgesInstead(missing, bridges, granted)}. Correct the bridge in spec.networks, or create it on the node.`,
    ),
  };
}

/** One that the NIC is on already was there once, and is left to PVE. */
function missingBridge(
  device: string,
  value: string,
  { config, bridges }: { readonly config: Guest['config']; readonly bridges: ReadonlySet<string> },
): string | undefined {
  if (!/^net\d+$/.test(device)) return undefined;
  const { bridge } = parseNic(value);
  if (bridge === undefined || bridge === parseNic(config[device] ?? '').bridge) return undefined;
  return firstMissingBridge([bridge], bridges);
}
