/** Certificates of authorities, in the form of PEM. */
import { rule, text } from './schema.ts';

export const caBundle = rule(text(65_536), {
  cel: "self.contains('-----BEGIN CERTIFICATE-----')",
  message: 'must contain PEM-encoded certificates',
  holds: (pem) => pem.includes('-----BEGIN CERTIFICATE-----'),
});
