import { expect, test } from '@jest/globals';
import { unreachable } from '../../../../controllers/provider/outcomes.ts';
import { PveError } from '../../../../src/pve/index.ts';

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
