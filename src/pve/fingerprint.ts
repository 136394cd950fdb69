/** SHA-256 fingerprints of certificates: how a server is recognised whose certificate no authority vouches for. */

const HEX = /^[0-9A-F]{64}$/;

/** `AA:BB:…` from any usual spelling; `undefined` for what is no SHA-256 fingerprint. */
export function normaliseFingerprint(text: string): string | undefined {
  const hex = text.trim().replaceAll(':', '').toUpperCase();
  return HEX.test(hex) ? (hex.match(/../g) ?? []).join(':') : undefined;
}

/** The server has another certificate than it should. What it showed is public, so the message may name it. */
export class FingerprintMismatch extends Error {
  override readonly name = 'FingerprintMismatch';
  static readonly code = 'ERR_TLS_FINGERPRINT';
  readonly code = FingerprintMismatch.code;

  constructor(found: string | undefined) {
    super(
      `its certificate has the SHA-256 fingerprint ${found ?? '(none: it showed no certificate)'}, which is none of those given. ` +
        'Compare it on the node with `openssl x509 -in /etc/pve/local/pve-ssl.pem -noout -fingerprint -sha256` ' +
        '(pveproxy-ssl.pem where there is one), and give the new one only if it is the same',
    );
  }
}
