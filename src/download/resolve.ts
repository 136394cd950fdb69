/** Looks a host up, and gives only addresses that a download may lead to. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { mayConnectTo } from './addresses.ts';
import { failed, refused } from './problem.ts';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/**
 * The addresses that a host may be connected at. The connection goes to one of them, and no name is looked up again.
 * @param host as in a URL
 * @throws DownloadProblem if there is none, or if one of them is refused
 */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>;

const familyOf = (family: number): 4 | 6 => (family === 6 ? 6 : 4);

async function addressesOf(name: string): Promise<readonly ResolvedAddress[]> {
  const literal = isIP(name);
  if (literal !== 0) return [{ address: name, family: familyOf(literal) }];
  try {
    const found = await lookup(name, { all: true });
    return found.map(({ address, family }) => ({ address, family: familyOf(family) }));
  } catch (error) {
    throw failed(`The host ${name} cannot be found in the DNS. Correct spec.download.url.`, error);
  }
}

export const resolvePublic: Resolve = async (host) => {
  const name = host.replace(/^\[(.*)\]$/, '$1');
  const addresses = await addressesOf(name);
  // Not even one of several: the next lookup might put it first.
  if (addresses.length === 0 || !addresses.every(({ address }) => mayConnectTo(address)))
    throw refused(
      `The host ${name} leads to this machine, to a link-local, multicast or reserved address, or to a metadata service, from which nothing is downloaded. Correct spec.download.url, or the redirects of its server.`,
    );
  return addresses;
};
