/** One download for all Providers that lead to one PVE cluster. Pure. */
import type { Demand } from '../../shared/images/demand.ts';

export interface Needs {
  /** `namespace/name` of the Providers. */
  readonly needed: ReadonlySet<string>;
  readonly demands: readonly Demand[];
}

interface Sharing {
  /** Providers that something was begun with. */
  readonly known: readonly string[];
  /** Whether it may be downloaded with the Provider now. */
  readonly isUsable: (provider: string) => boolean;
  readonly isOneCluster: (a: string, b: string) => boolean;
}

/** The needs as those of one Provider for each PVE cluster: of one that something was begun with, if there is one. */
export function asOne({ needed, demands }: Needs, { known, isUsable, isOneCluster }: Sharing): Needs {
  const candidates = [...new Set([...known.toSorted(), ...[...needed].toSorted()])].filter(isUsable);
  const oneFor = (provider: string): string =>
    known.includes(provider)
      ? provider
      : (candidates.find((each) => each === provider || isOneCluster(each, provider)) ?? provider);
  return {
    needed: new Set([...needed].map(oneFor)),
    demands: demands.map((demand) => {
      const [namespace = '', name = ''] = oneFor(
        `${demand.provider.namespace}/${demand.provider.name}`,
      ).split('/');
      return { ...demand, provider: { namespace, name } };
    }),
  };
}
