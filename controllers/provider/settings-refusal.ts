/** Why the settings of a Provider make no connection. Pure. */
import type { Reason } from '../../src/api/index.ts';

export type SettingsReason = Extract<
  Reason,
  | 'CABundleInvalid'
  | 'CredentialsIncomplete'
  | 'CredentialsMissing'
  | 'EndpointInvalid'
  | 'EndpointMissing'
  | 'EndpointNotAllowed'
  | 'FingerprintInvalid'
  | 'TrustNotAllowed'
>;

export interface Refused {
  readonly ok: false;
  readonly reason: SettingsReason;
  readonly message: string;
}

export const refuse = (reason: SettingsReason, message: string): Refused => ({ ok: false, reason, message });
