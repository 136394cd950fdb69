import { describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { Connection } from '../../../../controllers/shared/cluster/connections.ts';
import { vmImageController } from '../../../../controllers/vmimage/controller.ts';
import { ALLOW_FROM, type Provider, type VMImage } from '../../../../src/api/index.ts';
import type { View } from '../../../../src/pve/index.ts';
import { nodeName, vmid } from '../../../../src/lib/units.ts';
import { anImage, aProvider, readerOf } from '../../../builders/objects.ts';
import { aNode, aStorage, aTemplateRow, aView } from '../../../builders/views.ts';
import { NO_NAMESPACES } from '../../../../controllers/shared/grants/namespaces.ts';

const reconcile = (
  image: VMImage,
  providers: readonly Provider[],
  views: Readonly<Record<string, View>>,
  pending: readonly string[] = [],
  isos: (node: string) => Promise<readonly { volid: string }[]> = () => Promise.resolve([]),
) =>
  vmImageController({
    providers: readerOf(...providers),
    namespaces: NO_NAMESPACES,
    connections: {
      isPending: (namespace, name) => pending.includes(`${namespace}/${name}`),
      get(namespace, name) {
        const view = views[`${namespace}/${name}`];
        const pve = { node: (node: string) => ({ storage: () => ({ content: () => isos(node) }) }) };
        return view && ({ pve, inventory: { view: () => view } } as unknown as Connection);
      },
    },
  }).reconcile(image, {
    now: new Date(0),
    signal: new AbortController().signal,
    log: pino({ enabled: false }),
    deleting: false,
    reasons: new Set(['edit'] as const),
    reread: () => Promise.resolve(image),
  });

const BY_NAME = anImage({ name: 'ubuntu-22-template' });
const WITH = aView({ guests: [aTemplateRow(), aTemplateRow({ vmid: vmid(9001), node: nodeName('pve-2') })] });

describe('a VMImage', () => {
  test('lists every copy of its template on every Provider it may use', async () => {
    const providers = [
      aProvider(),
      aProvider({}, { namespace: 'shared', annotations: { [ALLOW_FROM]: '*' } }),
      aProvider({}, { namespace: 'private' }),
    ];
    const result = await reconcile(BY_NAME, providers, {
      'default/pve': WITH,
      'shared/pve': WITH,
      'private/pve': WITH,
    });
    expect(result.outcome.kind).toBe('settled');
    expect(
      result.status.availableOn?.map(({ provider, vmid: number, node }) => `${provider} ${number} ${node}`),
    ).toEqual([
      'default/pve 9000 pve-1',
      'default/pve 9001 pve-2',
      'shared/pve 9000 pve-1',
      'shared/pve 9001 pve-2',
    ]);
  });

  test('is ready when one of two Providers has it', async () => {
    const providers = [aProvider(), aProvider({}, { name: 'other' })];
    const result = await reconcile(BY_NAME, providers, { 'default/pve': aView(), 'default/other': WITH });
    expect(result.outcome.kind).toBe('settled');
  });

  test('waits for the node while every copy of its template is on one that is offline, and still lists them', async () => {
    const { guests } = WITH;
    const off = { ...WITH, nodes: [aNode('pve-1', { online: false }), aNode('pve-2', { online: false })] };
    const providers = [aProvider(), aProvider({}, { name: 'other' })];
    const result = await reconcile(BY_NAME, providers, { 'default/pve': off, 'default/other': aView() });
    expect(result.outcome).toMatchObject({
      kind: 'waiting',
      reason: 'TemplateUnreachable',
      message: expect.stringContaining('9000 is on node pve-1, which is offline; 9001 is on node pve-2'),
    });
    expect(result.status.availableOn).toHaveLength(2);
    const half = aView({
      nodes: [aNode('pve-1'), aNode('pve-2', { online: false })],
      guests: [...guests.values()],
    });
    expect((await reconcile(BY_NAME, [aProvider()], { 'default/pve': half })).outcome.kind).toBe('settled');
  });

  test('waits, with the reason, while no Provider has it', async () => {
    expect((await reconcile(BY_NAME, [aProvider()], { 'default/pve': aView() })).outcome).toMatchObject({
      kind: 'waiting',
      reason: 'TemplateNotFound',
    });
    expect((await reconcile(BY_NAME, [aProvider()], {})).outcome).toMatchObject({
      kind: 'waiting',
      reason: 'ProviderNotReady',
    });
  });

  test('keeps its last report until every Provider has tried to connect, and reports what was never reported', async () => {
    const provider = aProvider();
    const reported = { ...BY_NAME, status: { observedGeneration: 1, availableOn: [] } };
    for (const views of [{}, { 'default/pve': WITH }])
      expect(await reconcile(reported, [provider], views, ['default/pve'])).toMatchObject({
        outcome: { kind: 'unchanged' },
      });
    expect(await reconcile(reported, [provider], {})).toMatchObject({
      outcome: { reason: 'ProviderNotReady' },
    });
    expect(await reconcile(BY_NAME, [provider], {}, ['default/pve'])).toMatchObject({
      outcome: { reason: 'ProviderNotReady' },
    });
  });
});

describe('a VMImage with an ISO image', () => {
  const ISO = 'local:iso/debian.iso';
  const image = anImage({ iso: ISO });
  const storages = ['pve-1', 'pve-2'].map((node) =>
    aStorage('local', { node: nodeName(node), content: ['iso'], shared: false }),
  );
  const view = aView({ nodes: [aNode('pve-1'), aNode('pve-2')], storages });
  const onlyOn = (node: string) => (asked: string) =>
    Promise.resolve(asked === node ? [{ volid: ISO }] : [{ volid: 'local:iso/other.iso' }]);

  test('lists the nodes that have it', async () => {
    const { outcome, status } = await reconcile(
      image,
      [aProvider()],
      { 'default/pve': view },
      [],
      onlyOn('pve-2'),
    );
    expect(outcome.kind).toBe('settled');
    expect(status.availableOn).toEqual([{ provider: 'default/pve', node: 'pve-2' }]);
  });

  test.each<[string, View, string]>([
    ['no node has it', view, 'No node has local:iso/debian.iso'],
    [
      'no storage takes ISO images',
      aView({ nodes: [aNode('pve-1')], storages: [aStorage('local')] }),
      'content type "iso"',
    ],
  ])('waits while %s', async (_why, seen, message) => {
    const { outcome } = await reconcile(image, [aProvider()], { 'default/pve': seen }, [], onlyOn('none'));
    expect(outcome).toMatchObject({
      kind: 'waiting',
      reason: 'IsoNotFound',
      message: expect.stringContaining(message),
    });
  });

  test('is not looked for where its namespace may not use it', async () => {
    const provider = aProvider({ grants: [{ namespaces: { names: ['default'] } }] }, { namespace: 'infra' });
    const asked: string[] = [];
    const isos = (node: string) => {
      asked.push(node);
      return Promise.resolve([{ volid: ISO }]);
    };
    const { outcome } = await reconcile(image, [provider], { 'infra/pve': view }, [], isos);
    expect(outcome).toMatchObject({ kind: 'waiting', reason: 'NotGranted' });
    expect(asked).toEqual([]);
  });
});
