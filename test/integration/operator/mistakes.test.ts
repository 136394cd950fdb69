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

const lab = operatorAtWork({ namespaces: 2 });

/** With a storage that takes no disks, and a token that may do nothing. */
function cluster(name: string) {
  const document = shippedCluster('document');
  return {
    ...document,
    name,
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

/** The namespaces of the page. */
interface Page {
  /** Where the references lead nowhere: what it has is named in the page. */
  readonly references: Tenant;
  readonly others: Tenant;
}

const tenantOf = ({ chapter }: Mistake, { references, others }: Page): Tenant =>
  chapter === 'References' ? references : others;

/** What differs from run to run is written as in the page; kubectl says which object is invalid in its own way. */
const asInPage = ({ references, others }: Page, at: Tenant, text: string): string =>
  text
    .replaceAll(at.pve.url, 'https://pve.example.com:8006')
    .replaceAll(at.namespace, 'default')
    .replaceAll(at === others ? references.namespace : others.namespace, 'team-a')
    .replace(/^.*? is invalid: /, '')
    .trim();

const inTeamA = ({ others }: Page, object: Manifest): Manifest =>
  JSON.parse(JSON.stringify(object).replaceAll('team-a', others.namespace)) as Manifest;

const isRefused = ({ where }: Mistake): boolean => where === 'kubectl apply';

const nameOf = ({ kind, metadata }: Fragment): string => `${kind.toLowerCase()}/${metadata.name}`;
const find = (t: Tenant, object: string) => {
  const [kind = '', name = ''] = object.split('/');
  return t.find(pluralOf(kind), name);
};

/** The operator has seen them. */
const seen = (t: Tenant, objects: readonly string[]) =>
  soon(async () => {
    for (const object of objects.filter((each) => !each.startsWith('secret/')))
      expect({ object, ...condition(await find(t, object)) }).not.toMatchObject({ is: 'no Ready' });
  });

/** What the API server says about the last of these. */
async function objection(t: Tenant, { steps }: Mistake): Promise<string> {
  const refused = whole(t, steps.at(-1)!.at(-1)!);
  if (steps.length === 1) {
    const path = `${GROUP}/namespaces/${t.namespace}/${pluralOf(refused.kind)}`;
    return (await lab.plane.api.objection(path, refused)) ?? 'It is accepted.';
  }
  const error: unknown = await t.apply(refused).catch((thrown: unknown) => thrown);
  const [body = '{}'] = /\{.*\}/s.exec(error instanceof Error ? error.message : '') ?? [];
  return (JSON.parse(body) as { message?: string }).message ?? 'It is accepted.';
}

/** What comes before the last step must be Ready. */
async function finish(t: Tenant, { steps, deleted, ...mistake }: Mistake): Promise<void> {
  for (const [at, step] of steps.entries()) {
    if (at > 0) await t.apply(...step.map((each) => whole(t, each)));
    const isLast = at === steps.length - (isRefused({ steps, ...mistake }) ? 2 : 1);
    if (!isLast || deleted !== undefined) await t.ready(...step.map(nameOf));
    if (isLast) break;
  }
  if (deleted !== undefined) await t.requestDeletion(deleted);
}

/** The condition that the page names. */
async function answerOf(t: Tenant, { steps, deleted, where }: Mistake): Promise<string> {
  const found = await find(t, deleted ?? nameOf(steps.at(-1)!.at(-1)!));
  const { is, message } = condition(found, where.split('=')[0]);
  return is === where ? message : `${is}: ${message}`;
}

/** A class before the VMs that name it, a VM before its snapshots: what there is does not depend on chance. */
const ORDER = [['Secret', 'VMClass', 'VMImage', 'Provider'], ['VirtualMachine'], ['VMSnapshot']];

async function makeAll(page: Page, all: readonly Mistake[]): Promise<void> {
  const made = all.filter((mistake) => !(isRefused(mistake) && mistake.steps.length === 1));
  for (const kinds of ORDER)
    for (const t of [page.references, page.others]) {
      const first = made.filter((mistake) => tenantOf(mistake, page) === t).flatMap(({ steps }) => steps[0]!);
      const objects = first.filter(({ kind }) => kinds.includes(kind));
      await t.apply(...objects.map((each) => inTeamA(page, whole(t, each))));
      await seen(t, objects.map(nameOf));
    }
  await Promise.all(made.map((mistake) => finish(tenantOf(mistake, page), mistake)));
}

test('each mistake of the page is answered as the page says', async () => {
  const all = mistakes();
  expect(all.length).toBeGreaterThanOrEqual(30);
  const page: Page = {
    references: await tenant(lab.plane, { cluster: cluster('references') }),
    others: await tenant(lab.plane, { cluster: cluster('mistakes') }),
  };
  await page.references.apply(vmClass('medium'), vmClass('large'));
  await Promise.all([page.references, page.others].map((t) => t.ready('provider/pve', 'vmclass/small')));
  await makeAll(page, all);
  const said = new Map<string, string>();
  const read = async (mistake: Mistake, answer: (...args: [Tenant, Mistake]) => Promise<string>) => {
    const t = tenantOf(mistake, page);
    said.set(mistake.title, asInPage(page, t, await answer(t, mistake)));
  };
  for (const mistake of all.filter(isRefused)) await read(mistake, objection);
  const promised = Object.fromEntries(all.map(({ title, answer }) => [title, answer]));
  const compared = soon(
    async () => {
      for (const mistake of all.filter((each) => !isRefused(each))) await read(mistake, answerOf);
      expect(Object.fromEntries(said)).toEqual(promised);
    },
    undefined,
    500,
  );
  if (process.env['VIRTRIGAUD_ANSWERS'] !== 'write') return compared;
  await compared.catch(() => undefined);
  writeFileSync(PAGE, withAnswers(readFileSync(PAGE, 'utf8'), said));
});
