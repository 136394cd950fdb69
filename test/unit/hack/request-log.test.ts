import { expect, test } from '@jest/globals';
import { byVersion, parseLog, printLog, translate } from '../../../hack/ci/request-log.ts';

const line = (method: string, path: string, params: object = {}, pve?: string) =>
  JSON.stringify({ method, path, params, ...(pve !== undefined && { pve }) });
const LOG = [
  line('GET', '/cluster/status'),
  line('GET', '/cluster/status'),
  line('PUT', '/nodes/a/qemu/100/config', { ciupgrade: '0', digest: 'x' }),
  line('PUT', '/nodes/a/qemu/100/config', { tpmstate0: 'lvm:1', digest: 'x' }),
  line('PUT', '/nodes/a/qemu/101/config', { digest: 'x', name: 'web' }, '7.4'),
  line('DELETE', '/nodes/a/storage/cephfs/content/cephfs:iso/a.iso', {}),
  '',
].join('\n');

test('each distinct request counts once, with the version that it was sent to', () => {
  const requests = parseLog(LOG);
  expect(requests).toHaveLength(5);
  expect([...byVersion(requests)].map(([version, sent]) => [version, sent.length])).toEqual([
    ['9.2', 4],
    ['7.4', 1],
  ]);
  expect(printLog(requests.slice(0, 1))).toBe(line('GET', '/cluster/status'));
});

test('for another version, requests are as the operator sends them there', () => {
  const { requests, leftOut, notSent } = translate(parseLog(LOG), '7.0');
  expect(requests.map(({ params }) => params)).toEqual([
    {},
    { digest: 'x' },
    { digest: 'x', name: 'web' },
    {},
  ]);
  expect([...leftOut]).toEqual([['ciupgrade', 1]]);
  expect([...notSent]).toEqual([['tpmstate0', 1]]);
  expect(translate(parseLog(LOG), '9.2')).toMatchObject({
    requests: parseLog(LOG),
    leftOut: new Map(),
    notSent: new Map(),
  });
});
