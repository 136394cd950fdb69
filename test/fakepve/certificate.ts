/** Made by hand: a library for certificates takes a quarter of a second of CPU time to load and to make one. */
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import * as der from './der.ts';

export interface ServerCertificate {
  readonly key: string;
  /** PEM; self-signed, so clients may trust it as a CA. */
  readonly cert: string;
  /** SHA-256 as PVE shows it: `AA:BB:…`. */
  readonly fingerprint: string;
}

/** RFC 5280, and RFC 5758 for the signature. */
const ID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  basicConstraints: '2.5.29.19',
  keyUsage: '2.5.29.15',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  subjectAltName: '2.5.29.17',
};
const V3 = der.part(0, der.integer(Buffer.from([2])));
/** Bits 0 and 5. */
const SIGNS_DATA_AND_CERTIFICATES = der.bits(Buffer.from([0b1000_0100]), 2);
const DAY_MS = 24 * 3600 * 1000;

const NAME = der.sequence(der.set(der.sequence(der.identifier(ID.commonName), der.text('fake PVE'))));
const SIGNATURE = der.sequence(der.identifier(ID.ecdsaWithSha256));

const extension = (id: string, value: Buffer, critical = false): Buffer =>
  der.sequence(der.identifier(id), ...(critical ? [der.TRUE] : []), der.octets(value));

const altName = (name: string): Buffer =>
  isIP(name) === 0
    ? der.plainPart(2, Buffer.from(name))
    : der.plainPart(7, Buffer.from(ipaddr.parse(name).toByteArray()));

/** Generates a self-signed certificate for 127.0.0.1, ::1, localhost and further names or addresses. */
export function makeCertificate(extraNames: readonly string[] = []): ServerCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Date.now();
  const names = ['localhost', '127.0.0.1', '::1', ...extraNames];
  const content = der.sequence(
    V3,
    der.integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    SIGNATURE,
    NAME,
    der.sequence(der.time(new Date(now - DAY_MS)), der.time(new Date(now + 365 * DAY_MS))),
    NAME,
    publicKey.export({ type: 'spki', format: 'der' }),
    der.part(
      3,
      der.sequence(
        extension(ID.basicConstraints, der.sequence(der.TRUE), true),
        extension(ID.keyUsage, SIGNS_DATA_AND_CERTIFICATES, true),
        extension(ID.extKeyUsage, der.sequence(der.identifier(ID.serverAuth))),
        extension(ID.subjectAltName, der.sequence(...names.map(altName))),
      ),
    ),
  );
  const certificate = new X509Certificate(
    der.sequence(content, SIGNATURE, der.bits(sign('sha256', content, privateKey))),
  );
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: certificate.toString(),
    fingerprint: certificate.fingerprint256,
  };
}
