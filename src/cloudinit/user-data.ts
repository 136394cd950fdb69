/** The user-data of an input, with its format. */
import type { Result } from '../lib/result.ts';
import { userDataFormOf } from './documents.ts';
import type { CloudInitInput } from './input.ts';
import type { UserDataForm } from './read-user-data.ts';

export type UserData = { readonly kind: 'none' } | (UserDataForm & { readonly text: string });

type UserDataInput = Pick<CloudInitInput, 'userData' | 'userDataFormat' | 'sshKeys' | 'documents'>;

export function readUserData(input: UserDataInput): Result<UserData> {
  const { userData: text } = input;
  if (text === undefined || text.trim() === '') return { value: { kind: 'none' } };
  const form = userDataFormOf(text, input);
  return 'problem' in form ? form : { value: { ...form.value, text } };
}

/** What a foreign format is delivered as. */
export const bytesOf = ({ text, encoded }: Extract<UserData, { readonly kind: 'foreign' }>): Uint8Array =>
  Buffer.from(text, encoded ? 'base64' : 'utf8');

/** An Ignition configuration as user-data: people know this from the documentation of Flatcar. */
export function ignitionIn(
  input: UserDataInput,
): Extract<UserData, { readonly kind: 'ignition' }> | undefined {
  const read = readUserData(input);
  return 'value' in read && read.value.kind === 'ignition' ? read.value : undefined;
}

/** Which parts of the login the user-data defines itself. */
export interface LoginDefined {
  readonly user: boolean;
  readonly password: boolean;
  readonly sshKeys: boolean;
}

/** Anything but a cloud-config is not examined: cloud-init lets it override what a guest inherits. */
export function loginDefinedBy(input: UserDataInput): LoginDefined {
  const read = readUserData(input);
  const data = 'problem' in read ? undefined : read.value;
  const defined = data?.kind === 'cloudConfig' ? data.config.loginKeys : [];
  const has = (...keys: readonly string[]): boolean => keys.some((key) => defined.includes(key));
  const user = has('user', 'users');
  return {
    user,
    password: user || has('password', 'chpasswd'),
    sshKeys: has('ssh_authorized_keys', 'users'),
  };
}
