import { rootCertificates } from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { unreachable, whereCaIsRead } from '../../../../controllers/provider/outcomes.ts';
import { PveError, type Credentials } from '../../../../src/pve/index.ts';
import { waiting } from '../../../../src/runtime/outcome.ts';

const TOKEN = { kind: 'token', id: 'virtrigaud@pve!vrtg-token', secret: 'not-shown' } as const;

test('a login that is refused names the token, never its secret, and the command that shows whether it has expired', () => {
  const error = new PveError({
    refusal: 'unauthenticated',
    method: 'GET',
    route: '/cluster/resources',
    code: '401',
    message: 'Proxmox VE answered GET /cluster/resources with 401: Authentication failed!',
  });
  const of = (credentials: Credentials) => {
    const outcome = unreachable(error, credentials);
    return 'message' in outcome ? outcome.message : '';
  };
  expect(of(TOKEN)).toBe(
    "authentication failed: Proxmox VE answered GET /cluster/resources with 401: Authentication failed! The token is virtrigaud@pve!vrtg-token: `pveum user token list 'virtrigaud@pve'` on a node shows whether it exists and when it expires.",
  );
  const password = of({ kind: 'password', username: 'operator@pam', password: 'not-shown' });
  expect(password).toContain('The user is operator@pam: `pveum user list` on a node');
  expect(of(TOKEN) + password).not.toContain('not-shown');
});

test('a Provider whose server answers with more than the operator reads says so, and that it waits', () => {
  const error = new PveError({
    refusal: 'excessive',
    method: 'GET',
    route: '/cluster/resources',
    code: 'excessive',
    message: 'The answer to GET /cluster/resources has more than 16 MiB.',
  });
  expect(unreachable(error, TOKEN)).toMatchObject({
    kind: 'stalled',
    reason: 'AnswerTooLarge',
    message:
      'The answer to GET /cluster/resources has more than 16 MiB. The operator reads it again after a pause of up to five minutes.',
  });
});

describe('a Provider whose server is not trusted, with a CA in which no certificate can be read,', () => {
  const ca = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
  const trust = { ca, fingerprints: [], insecureSkipVerify: false };
  const outcome = waiting('Unreachable', 'its certificate is not signed by a trusted CA');

  test('says that of the CA', () => {
    expect(whereCaIsRead(outcome, trust)).toMatchObject({
      kind: 'stalled',
      reason: 'CABundleInvalid',
      message: expect.stringContaining('No certificate in the CA bundle can be read'),
    });
  });

  test.each([
    ['the certificate can be read', { ...trust, ca: rootCertificates[0] }],
    ['a fingerprint decides', { ...trust, fingerprints: ['AB'] }],
    ['nothing is verified', { ...trust, insecureSkipVerify: true }],
    ['there is none', { ...trust, ca: undefined }],
  ])('but not where %s', (_what, other) => {
    expect(whereCaIsRead(outcome, other)).toBe(outcome);
  });

  test('but not where something else is wrong', () => {
    const other = waiting('NoQuorum', 'There is no quorum.');
    expect(whereCaIsRead(other, trust)).toBe(other);
  });
});
