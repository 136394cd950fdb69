import { describe, expect, test } from '@jest/globals';
import { acrossNamespaces } from '../../../../../controllers/shared/placement/across-namespaces.ts';
import { createApart } from '../../../../../controllers/virtualmachine/placement/apart.ts';
import { NO_NAMESPACES, type Namespaces } from '../../../../../controllers/shared/grants/namespaces.ts';
import { scopeIn } from '../../../../../controllers/shared/placement/scope.ts';
import type { PlacementTerm, Provider, VMPlacementPolicy } from '../../../../../src/api/index.ts';
import { aProvider, aVirtualMachine, readerOf } from '../../../../builders/objects.ts';

const TERM = { key: 'app', operator: 'In' as const, values: ['etcd'] };
const FAR = { ...TERM, namespaceSelector: { matchLabels: { etcd: 'yes' } } };

const policyIn = (namespace: string, antiAffinity: NonNullable<VMPlacementPolicy['spec']['antiAffinity']>) =>
  ({
    apiVersion: 'infra.virtrigaud.io/v1beta1',
    kind: 'VMPlacementPolicy',
    metadata: { ...aProvider().metadata, namespace, name: 'apart' },
    spec: { antiAffinity },
    status: undefined,
  }) as VMPlacementPolicy;

const grantedTo = (placementAcrossNamespaces: boolean): Provider =>
  aProvider(
    { grants: [{ namespaces: { names: ['team-a', 'team-b'] }, placementAcrossNamespaces }] },
    { namespace: 'infra' },
  );
const vmIn = (namespace: string) =>
  aVirtualMachine({
    metadata: { namespace },
    spec: { providerRef: { name: 'pve', namespace: 'infra' }, placementRef: { name: 'apart' } },
  });
const labelled = (labels: ReturnType<Namespaces['labelsOf']>): Namespaces => ({
  labelsOf: () => labels,
  mayBeRead: true,
});

describe('a policy about VMs of other namespaces', () => {
  const asked = (provider: Provider, namespaces: Namespaces, term: PlacementTerm = FAR) =>
    acrossNamespaces(policyIn('team-a', [term]), provider, namespaces);

  test('applies where the Provider grants it', () => {
    expect(asked(grantedTo(true), labelled({}))).toEqual({ ok: true });
  });

  test('keeps VMs from being made where it is not granted, and says whom to ask', () => {
    expect(asked(grantedTo(false), labelled({}))).toMatchObject({
      ok: false,
      reason: 'NotGranted',
      message: expect.stringMatching(
        /VMPlacementPolicy team-a\/apart means VMs of other namespaces .* ask the owner of Provider infra\/pve/,
      ),
    });
  });

  test('waits until the labels of Namespaces are known, and is refused where they may not be read', () => {
    expect(asked(grantedTo(true), labelled('unread'))).toMatchObject({ reason: 'ProviderNotReady' });
    expect(asked(grantedTo(true), NO_NAMESPACES)).toMatchObject({ reason: 'NamespaceNotWatched' });
  });

  test('needs no grant in the namespace of the Provider, nor without namespaceSelector', () => {
    const provider = grantedTo(false);
    expect(acrossNamespaces(policyIn('infra', [FAR]), provider, labelled({}))).toEqual({ ok: true });
    expect(asked(provider, NO_NAMESPACES, TERM)).toEqual({ ok: true });
  });
});

describe('a VM may be kept away by VMs', () => {
  const apartFrom = (
    policies: readonly VMPlacementPolicy[],
    provider: Provider,
    labels: ReturnType<Namespaces['labelsOf']> = { etcd: 'yes' },
  ) => {
    const namespaces = labelled(labels);
    const apart = createApart({
      policies: readerOf(...policies),
      providers: readerOf(provider),
      namespaces,
      changes: { rules: () => 0 },
    });
    return apart(vmIn('team-b'), scopeIn(namespaces));
  };

  test('of its own namespace, if a policy there keeps VMs apart', () => {
    expect(apartFrom([policyIn('team-b', [TERM])], grantedTo(false))).toEqual(['team-b']);
    expect(apartFrom([], grantedTo(false))).toEqual([]);
  });

  test('of a namespace whose policy selects its own, and may do so', () => {
    expect(apartFrom([policyIn('team-a', [FAR])], grantedTo(true))).toEqual(['team-a']);
    expect(apartFrom([policyIn('team-a', [FAR])], grantedTo(false))).toEqual([]);
    expect(apartFrom([policyIn('team-a', [TERM])], grantedTo(true))).toEqual([]);
    expect(apartFrom([policyIn('team-a', [FAR])], grantedTo(true), { etcd: 'no' })).toEqual([]);
  });

  test('of a namespace of which it is not known yet whether its policies may do so', () => {
    const selecting = aProvider(
      {
        grants: [
          { namespaces: { selector: { matchLabels: { etcd: 'yes' } } }, placementAcrossNamespaces: true },
        ],
      },
      { namespace: 'infra' },
    );
    expect(apartFrom([policyIn('team-a', [FAR])], selecting, 'unread')).toEqual(['team-a']);
    expect(apartFrom([policyIn('team-a', [FAR])], selecting, 'unavailable')).toEqual([]);
    expect(apartFrom([policyIn('team-a', [FAR])], grantedTo(false), 'unread')).toEqual([]);
  });
});
