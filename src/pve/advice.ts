/** What to do about a refusal of Proxmox VE, where its own words do not say so. Pure. */
import type { Need } from './endpoint.ts';
import type { Refusal } from './refusals.ts';

type Needs = readonly Pick<Need, 'path' | 'anyOf'>[];

export const ADVICE: Readonly<Partial<Record<Refusal, string>>> = {
  unauthenticated: 'Check user, token ID and secret, and whether they have expired.',
  unknownOutcome: 'Whether Proxmox VE made the change is not known.',
  noQuorum: 'A cluster without quorum accepts no changes. Bring its nodes back.',
};

/** Where PVE tries alternatives, its refusal names none of them (PVE::RPCEnvironment, check_api2_permissions). */
const NO_PRIVILEGE_NAMED = /^permission check failed[.]?$/i;
/** A longer list says nothing. */
const MAX_NEEDS = 3;

function privilegesFor(needs: Needs): string | undefined {
  if (needs.length === 0 || needs.length > MAX_NEEDS) return undefined;
  const named = needs.map(({ path, anyOf }) => `${anyOf.join(' or ')} on ${path}`);
  return `The request needs ${named.join(' and ')}: grant what is missing with a role, to the user and, with privilege separation, to the token too.`;
}

interface Refused {
  readonly refusal: Refusal;
  readonly status: number;
  readonly text: string;
}

/** @param needs privileges of the request, with the paths of this one */
export function adviceOn({ refusal, status, text }: Refused, needs: Needs = []): string | undefined {
  if (status === 403 && NO_PRIVILEGE_NAMED.test(text)) return privilegesFor(needs);
  if (status === 596 && /certificate verify failed/i.test(text)) {
    return 'The node that received the request does not trust the certificate of the node that it forwarded the request to. Run `pvecm updatecerts` on both nodes.';
  }
  if (status === 301 || status === 302 || status === 307 || status === 308) {
    return 'The server answered with a redirect. Check whether the endpoint is the https address of a Proxmox VE API.';
  }
  return ADVICE[refusal];
}
