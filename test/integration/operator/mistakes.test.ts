/** Every mistake in docs/mistakes.md is made, and answered as the page says. VIRTRIGAUD_ANSWERS=write corrects the page. */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { KINDS } from '../../../src/api/index.ts';
import { shippedCluster } from '../../fakepve/cluster-file.ts';
import { type Fragment, type Mistake, mistakes, PAGE, withAnswers } from '../../fixtures/mistakes.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import type { Manifest } from '../harness/kube-api.ts';
import { soon } from '../harness/soon.ts';
import { condition, GROUP, manifest, provider, secret, tenant, type Tenant, vm, vmClass } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 1 });

/** With a storage that takes no disks, and a token that may do nothing. */
function cluster() {
  const document = shippedCluster('document');
  return {
    ...document,
    name: 'mistakes',
    storages: [...document.storages, { id: 'backup', type: 'dir', content: ['backup'], size: '1T' }],
    tokens: [
      ...document.tokens,
      { id: 'virtrigaud@pve!bare', secret: 'yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy', privsep: true },
    ],
  };
}

/** The whole manifest, of the lines that the page has. */
function whole(
  { pve }: Tenant,
  { kind, metadata: { name }, spec = {}, stringData = {} }: Fragment,
): Manifest {
  switch (kind) {
    case 'VirtualMachine':
      return vm(name, spec);
    case 'VMClass':
      return manifest(kind, name, { ...vmClass().spec, ...spec });
    case 'Secret':
      return secret(name, { ...('token_secret' in stringData && { 'ca.crt': pve.ca }), ...stringData });
    case 'Provider':
      return provider(pve, spec, name);
    default:
      return manifest(kind, name, spec);
  }
}

const pluralOf = (kind: string): string =>
  KINDS.find((each) => [each.kind, each.kind.toLowerCase()].includes(kind))?.plural ?? kind;

/** What differs from run to run is written as in the page; kubectl says which object is invalid in its own way. */
const asInPage = (t: Tenant, text: string): string =>
  text
    .replaceAll(t.pve.url, 'https://pve.example.com:8006')
    .replaceAll(t.namespace, 'default')
    .replace(/^.*? is invalid: /, '')
    .trim();

const isRefused = ({ where }: Mistake): boolean => where === 'kubectl apply';

/** What the API server says about the last of these; the others are stored. */
async function objection(t: Tenant, step: readonly Fragment[]): Promise<string> {
  const refused = step.at(-1)!;
  const path = `${GROUP}/namespaces/${t.namespace}/${pluralOf(refused.kind)}`;
  const said = await lab.plane.api.objection(path, whole(t, refused));
  if (said === undefined || !said.includes('already exists')) return said ?? 'It is accepted.';
  const error: unknown = await t.apply(whole(t, refused)).catch((thrown: unknown) => thrown);
  const [, body = '{}'] = /: \d+ (\{.*\})$/s.exec(error instanceof Error ? error.message : '') ?? [];
  return (JSON.parse(body) as { message?: string }).message ?? 'It is accepted.';
}

/** Makes the mistake; what comes before it must be Ready. */
async function make(t: Tenant, { steps, deleted, ...mistake }: Mistake): Promise<string | undefined> {
  for (const [at, step] of steps.entries()) {
    const isLast = at === steps.length - 1;
    if (isLast && isRefused({ steps, ...mistake })) return objection(t, step);
    await t.apply(...step.map((each) => whole(t, each)));
    const objects = step.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
    if (!isLast || deleted !== undefined)
      await t.ready(...objects.filter((object) => !object.startsWith('secret/')));
  }
  if (deleted !== undefined) await t.requestDeletion(deleted);
  return undefined;
}

/** The condition that the page names. */
async function answerOf(t: Tenant, { steps, deleted, where }: Mistake): Promise<string> {
  const { kind, metadata } = steps.at(-1)!.at(-1)!;
  const [plural = '', name = ''] = deleted?.split('/') ?? [kind, metadata.name];
  const { is, message } = condition(await t.find(pluralOf(plural), name), where.split('=')[0]);
  return is === where ? message : `${is}: ${message}`;
}

test('each mistake of the page is answered as the page says', async () => {
  const all = mistakes();
  expect(all.length).toBeGreaterThanOrEqual(30);
  const t = await tenant(lab.plane, { cluster: cluster() });
  const said = new Map<string, string>();
  await t.ready('provider/pve');
  await Promise.all(
    all.map(async (mistake) => {
      const refusal = await make(t, mistake);
      if (refusal !== undefined) said.set(mistake.title, asInPage(t, refusal));
    }),
  );
  const compared = soon(
    async () => {
      for (const mistake of all.filter((each) => !isRefused(each)))
        said.set(mistake.title, asInPage(t, await answerOf(t, mistake)));
      expect(Object.fromEntries(said)).toEqual(
        Object.fromEntries(all.map(({ title, answer }) => [title, answer])),
      );
    },
    undefined,
    500,
  );
  if (process.env['VIRTRIGAUD_ANSWERS'] !== 'write') return compared;
  await compared.catch(() => undefined);
  writeFileSync(PAGE, withAnswers(readFileSync(PAGE, 'utf8'), said));
});
