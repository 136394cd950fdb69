/** By which certificate a server is known, and who vouches for it: evidence of which PVE cluster it belongs to. */
import { X509Certificate } from 'node:crypto';
import { rootCertificates, TLSSocket } from 'node:tls';

/** SHA-256 fingerprints, as `AA:BB:…`. */
export interface PeerCertificate {
  readonly leaf: string;
  /** Of the given authority that vouches for the leaf. Absent where it was not verified, or the authority is a public one. */
  readonly privateRoot: string | undefined;
}

const PEM_HEADER = '-----BEGIN CERTIFICATE-----';

/** The certificates of a bundle; what cannot be read is left to the verification, which refuses it. */
export const certificatesIn = (pem: string | undefined): readonly X509Certificate[] =>
  (pem ?? '')
    .split(PEM_HEADER)
    .slice(1)
    .flatMap((rest) => {
      try {
        return [new X509Certificate(PEM_HEADER + rest)];
      } catch {
        return [];
      }
    });

let publicRoots: ReadonlySet<string> | undefined;

/** Everybody may have a certificate of these: that two servers have one proves nothing. */
const isPublic = (fingerprint: string): boolean =>
  (publicRoots ??= new Set(rootCertificates.map((pem) => new X509Certificate(pem).fingerprint256))).has(
    fingerprint,
  );

const issued = (issuer: X509Certificate, subject: X509Certificate): boolean =>
  subject.checkIssued(issuer) && subject.verify(issuer.publicKey);

/** The last certificate of the chain that is one of those given. */
function rootAmong(given: readonly X509Certificate[], leaf: X509Certificate): X509Certificate | undefined {
  const seen = new Set<string>();
  let root: X509Certificate | undefined;
  for (let current: X509Certificate | undefined = leaf; current && !seen.has(current.fingerprint256);) {
    const subject: X509Certificate = current;
    seen.add(subject.fingerprint256);
    if (given.some(({ fingerprint256 }) => fingerprint256 === subject.fingerprint256)) root = subject;
    current = given.find((each) => issued(each, subject)) ?? subject.issuerCertificate;
  }
  return root;
}

/**
 * What the server at the other end of a new connection showed.
 * @param given the authorities that it was verified with, where not those of the system
 * @returns `undefined` without TLS, and for a resumed session, in which the server shows no certificate
 */
export function peerCertificateOf(
  socket: unknown,
  given: readonly X509Certificate[],
): PeerCertificate | undefined {
  if (!(socket instanceof TLSSocket) || socket.isSessionReused()) return undefined;
  const leaf = socket.getPeerX509Certificate();
  if (!leaf) return undefined;
  const root = socket.authorized ? rootAmong(given, leaf)?.fingerprint256 : undefined;
  return {
    leaf: leaf.fingerprint256,
    privateRoot: root === undefined || isPublic(root) ? undefined : root,
  };
}
