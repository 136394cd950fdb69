/** By what the servers are verified. Whoever brings the credentials decides it; others may only tighten it. Pure. */

export interface Trust {
  /** PEM; absent: the CAs of the system. */
  readonly ca: string | undefined;
  /** `AA:BB:…`; where there is one, it decides alone. */
  readonly fingerprints: readonly string[];
  /** Absent: not said, which means the same as false. */
  readonly insecureSkipVerify: boolean | undefined;
}

/** Whether it names servers that are to be trusted. That certificates are verified names none. */
export const namesServers = ({ ca, fingerprints, insecureSkipVerify }: Trust): boolean =>
  ca !== undefined || fingerprints.length > 0 || insecureSkipVerify === true;

export type Tightened =
  | { readonly ok: true; readonly trust: Trust }
  /** What would have made more servers trusted. */
  | { readonly ok: false; readonly looser: string };

const FINGERPRINTS = 'a fingerprint';
const CA = 'a CA bundle';

/**
 * The trust of the owner of the credentials, tightened by what another layer says. No server is trusted by the result
 * that the owner does not trust.
 */
export function tighten(owners: Trust, said: Trust): Tightened {
  if (said.insecureSkipVerify === true && owners.insecureSkipVerify !== true)
    return { ok: false, looser: 'insecureSkipVerify' };
  if (owners.fingerprints.length > 0) return pinnedBy(owners, said);
  return owners.insecureSkipVerify === true
    ? { ok: true, trust: instead(owners, said) }
    : verifiedBy(owners, said);
}

/** The owner trusts any server, so that whatever is verified tightens it. */
const instead = (owners: Trust, said: Trust): Trust => ({
  ca: said.ca ?? owners.ca,
  fingerprints: said.fingerprints,
  insecureSkipVerify: said.insecureSkipVerify ?? said.ca === undefined,
});

/** The owner's fingerprints decide alone; some of them may be left out. */
function pinnedBy(owners: Trust, said: Trust): Tightened {
  if (said.fingerprints.length === 0) return { ok: true, trust: owners };
  return said.fingerprints.every((each) => owners.fingerprints.includes(each))
    ? { ok: true, trust: { ...owners, fingerprints: said.fingerprints } }
    : { ok: false, looser: FINGERPRINTS };
}

/** The owner's CAs decide; some of them may be left out. A fingerprint would replace them. */
function verifiedBy(owners: Trust, said: Trust): Tightened {
  if (said.fingerprints.length > 0) return { ok: false, looser: FINGERPRINTS };
  if (said.ca === undefined) return { ok: true, trust: owners };
  const known = new Map(blocksOf(owners.ca).map((block) => [withoutSpace(block), block]));
  const kept = blocksOf(said.ca).map((block) => known.get(withoutSpace(block)));
  const ca = kept.filter((block) => block !== undefined);
  // Made of the owner's own text: whatever else is in the bundle is left behind.
  return ca.length > 0 && ca.length === kept.length
    ? { ok: true, trust: { ...owners, ca: ca.join('\n') } }
    : { ok: false, looser: CA };
}

const blocksOf = (pem: string | undefined): readonly string[] =>
  pem?.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];

const withoutSpace = (text: string): string => text.replace(/\s+/g, '');
