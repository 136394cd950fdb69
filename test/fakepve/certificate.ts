import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { generate } from 'selfsigned';

export interface ServerCertificate {
  readonly key: string;
  /** PEM; self-signed, so clients may trust it as a CA. */
  readonly cert: string;
  /** SHA-256 as PVE shows it: `AA:BB:…`. */
  readonly fingerprint: string;
}

/** Generates a self-signed certificate for 127.0.0.1, ::1, localhost and further names or addresses. */
export async function makeCertificate(extraNames: readonly string[] = []): Promise<ServerCertificate> {
  const pems = await generate([{ name: 'commonName', value: 'fake PVE' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
          ...extraNames.map((name) =>
            isIP(name) === 0 ? { type: 2 as const, value: name } : { type: 7 as const, ip: name },
          ),
        ],
      },
    ],
  });
  return { key: pems.private, cert: pems.cert, fingerprint: new X509Certificate(pems.cert).fingerprint256 };
}
