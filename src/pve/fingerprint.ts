/** SHA-256 fingerprints, which identify servers whose certificates no trusted CA has signed. */

const HEX = /^[0-9A-F]{64}$/;

/** Returns a fingerprint in the form `AA:BB:…`; `undefined` if the text is not a SHA-256 fingerprint. */
export function normaliseFingerprint(text: string): string | undefined {
  const hex = text.trim().replaceAll(':', '').toUpperCase();
  return HEX.test(hex) ? (hex.match(/../g) ?? []).join(':') : undefined;
}

/** The server presented an unexpected certificate. Certificates are public, so the message may contain the fingerprint. */
export class FingerprintMismatch extends Error {
  override readonly name = 'FingerprintMismatch';
  static readonly code = 'ERR_TLS_FINGERPRINT';
  readonly code = FingerprintMismatch.code;

  constructor(found: string | undefined) {
    super(
      `the SHA-256 fingerprint of its certificate is ${found ?? '(none: it presented no certificate)'}, which is not in the list of fingerprints. ` +
        'Compare it on the node with `openssl x509 -in /etc/pve/local/pve-ssl.pem -noout -fingerprint -sha256` ' +
        '(pveproxy-ssl.pem if it exists), and add it to the list only if it is the same',
    );
  }
}
