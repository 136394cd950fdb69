/**
 * Reads rules and resources of HA once for all policies: what a Provider costs does not depend on how many there are. A
 * change is made only on a read of its own.
 */
import { seconds, type Vmid } from '../../../src/lib/units.ts';
import type { HaRule, Pve } from '../../../src/pve/index.ts';

export interface HaFacts {
  readonly rules: readonly HaRule[];
  readonly resources: ReadonlySet<Vmid>;
}

type HaReader = Pick<Pve, 'ha'>;

export interface HaRounds {
  /** At most a few seconds old. @throws PveError also an error that is as old */
  recent(pve: HaReader): Promise<HaFacts>;
  /** @throws PveError */
  fresh(pve: HaReader): Promise<HaFacts>;
  /** The rules were changed: what was read is outdated. */
  forget(pve: HaReader): void;
}

const VALID_FOR = seconds(12);

/** @param now epoch ms */
export function createHaRounds(now: () => number): HaRounds {
  const rounds = new WeakMap<HaReader, { readonly at: number; readonly facts: Promise<HaFacts> }>();

  /** Shared by all who ask, so it does not end with the pass of one of them. */
  async function read({ ha }: HaReader): Promise<HaFacts> {
    const rules = await ha.rules();
    return { rules, resources: new Set(await ha.resources()) };
  }

  function fresh(pve: HaReader): Promise<HaFacts> {
    const facts = read(pve);
    rounds.set(pve, { at: now(), facts });
    facts.catch(() => undefined);
    return facts;
  }

  return {
    fresh,
    recent(pve) {
      const known = rounds.get(pve);
      return known && now() - known.at < VALID_FOR ? known.facts : fresh(pve);
    },
    forget: (pve) => void rounds.delete(pve),
  };
}
