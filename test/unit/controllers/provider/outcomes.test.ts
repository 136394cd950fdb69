import { rootCertificates } from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { unreachable, whereCaIsRead } from '../../../../controllers/provider/outcomes.ts';
import { PveError } from '../../../../src/pve/index.ts';
import { waiting } from '../../../../src/runtime/outcome.ts';

test('a Provider whose server answers with more than the operator reads says so, and that it waits', () => {
  const error = new PveError({
    refusal: 'excessive',
    method: 'GET',
    route: '/cluster/resources',
    code: 'excessive',
    message: 'The answer to GET /cluster/resources has more than 16 MiB.',
  });
  expect(unreachable(error)).toMatchObject({
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
