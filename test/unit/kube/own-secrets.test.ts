import { expect, test } from '@jest/globals';
import { kubeClient } from '../../../src/kube/client.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { ownSecrets } from '../../../src/kube/own-secrets.ts';
import type { Transport } from '../../../src/kube/transport.ts';

const COLLECTION = '/api/v1/namespaces/system/secrets';
const encoded = (text: string) => Buffer.from(text).toString('base64');

function anApi(answers: Readonly<Record<string, unknown>>) {
  const sent: { method: string; path: string; query: unknown; body: unknown }[] = [];
  const send: Transport['send'] = ({ method, path, query, body }) => {
    sent.push({ method, path, query, body });
    const answer = answers[`${method} ${path}`];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer ?? body);
  };
  const lines: Transport['lines'] = () => Promise.reject(new Error('nothing is watched'));
  const secrets = ownSecrets(kubeClient({ send, lines }), {
    namespace: 'system',
    labels: { a: 'b', c: 'd' },
  });
  return { sent, secrets };
}

test('only Secrets with the labels are listed, and they are decoded', async () => {
  const items = [{ metadata: { name: 'copy' }, data: { key: encoded('ü') } }];
  const { sent, secrets } = anApi({ [`GET ${COLLECTION}`]: { metadata: { resourceVersion: '1' }, items } });
  expect(await secrets.list()).toEqual([{ name: 'copy', values: { key: 'ü' } }]);
  expect(sent[0]?.query).toMatchObject({ labelSelector: 'a=b,c=d' });
});

test('a Secret is made with the labels, and replaced where there is one', async () => {
  const exists = new KubeError({ status: 409, reason: 'AlreadyExists', message: 'exists' });
  const { sent, secrets } = anApi({ [`POST ${COLLECTION}`]: exists });
  await secrets.put({ name: 'copy', values: { key: 'ü' } });
  const body = {
    metadata: { name: 'copy', namespace: 'system', labels: { a: 'b', c: 'd' } },
    data: { key: encoded('ü') },
  };
  expect(sent).toMatchObject([
    { method: 'POST', path: COLLECTION, body },
    { method: 'PUT', path: `${COLLECTION}/copy`, body },
  ]);
});

test('a Secret that is gone is deleted without an error', async () => {
  const gone = new KubeError({ status: 404, reason: 'NotFound', message: 'not found' });
  const { secrets } = anApi({ [`DELETE ${COLLECTION}/copy`]: gone });
  await expect(secrets.delete('copy')).resolves.toBeUndefined();
});
