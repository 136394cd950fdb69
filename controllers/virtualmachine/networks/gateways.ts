/** Reports more than one default gateway: a guest sends what leaves its networks to one of them only. Pure. */
import { ipFamily } from '../../../src/lib/ip.ts';
import type { DesiredNic } from '../model/desired.ts';

/** A sentence for each address family with several gateways. */
export const gatewaysIgnored = (nics: readonly DesiredNic[] | undefined): readonly string[] =>
  ([4, 6] as const).flatMap((family) => {
    const names = (nics ?? [])
      .filter(({ staticIP, ipv6 }) =>
        [staticIP?.gateway, ipv6?.gateway].some((each) => each !== undefined && ipFamily(each) === family),
      )
      .map(({ name }) => name);
    return names.length > 1 ? [sentence(family, names)] : [];
  });

const sentence = (family: 4 | 6, names: readonly string[]): string =>
  `The networks ${names.join(', ')} each have an IPv${family} gateway. The guest uses only one of them as its default gateway, and which one depends on its system. Remove the gateway from all others.`;
