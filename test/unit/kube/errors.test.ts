import { expect, test } from '@jest/globals';
import { KubeError, outcomeOfKubeError } from '../../../src/kube/errors.ts';
import { urlPath } from '../../../src/kube/resource.ts';

test.each([
  [409, 'waiting', 'Conflict'],
  [403, 'stalled', 'KubernetesForbidden'],
  [422, 'stalled', 'KubernetesRefused'],
  [429, 'retry', 'KubernetesUnavailable'],
  [500, 'retry', 'KubernetesUnavailable'],
  [0, 'retry', 'KubernetesUnavailable'],
])('an answer %d of the API server means %s', (status, kind, reason) => {
  const error = new KubeError({ status, reason: 'x', message: 'm' });
  expect(outcomeOfKubeError(error)).toMatchObject({ kind, reason });
});

test('an error that is not the API server’s is not given a meaning', () => {
  expect(outcomeOfKubeError(new TypeError('x'))).toBeUndefined();
});

test('paths are built for the core group, for others, and for a subresource', () => {
  expect(urlPath({ group: '', version: 'v1', plural: 'secrets', namespace: 'a', name: 'b' })).toBe(
    '/api/v1/namespaces/a/secrets/b',
  );
  const things = { group: 'g.io', version: 'v1', plural: 'things' };
  expect(urlPath(things)).toBe('/apis/g.io/v1/things');
  expect(urlPath({ ...things, namespace: 'a', name: 'b/../c', subresource: 'status' })).toBe(
    '/apis/g.io/v1/namespaces/a/things/b%2F..%2Fc/status',
  );
});
