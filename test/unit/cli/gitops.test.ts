import { describe, expect, test } from '@jest/globals';
import { undoneBy } from '../../../src/cli/gitops.ts';
import { stored } from '../../builders/cli-call.ts';

const POWER = ['spec', 'powerState'];
const FLUX = { 'kustomize.toolkit.fluxcd.io/name': 'apps' };
const ARGO = { 'argocd.argoproj.io/tracking-id': 'apps:infra.virtrigaud.io/VirtualMachine:team-a/web' };

const manages = (manager: string, fields: object) => [{ manager, fieldsV1: fields }];
const vm = (metadata: object) => stored('VirtualMachine', 'web', { metadata: { name: 'web', ...metadata } });

describe('a change by hand', () => {
  test('of an object that nobody else applies is not warned of', () => {
    expect(undoneBy(vm({}), POWER)).toBeUndefined();
    expect(undoneBy(vm({ labels: { 'app.kubernetes.io/instance': 'chart' } }), POWER)).toBeUndefined();
  });

  test.each([
    ['Flux', { labels: FLUX }],
    ['Argo CD', { annotations: ARGO }],
  ])('of an object that %s applies is warned of, where nobody knows what Git has', (tool, metadata) => {
    expect(undoneBy(vm(metadata), POWER)).toContain(
      `${tool}, which undoes this change if Git has spec.powerState`,
    );
  });

  test.each([
    ['Flux', 'kustomize-controller', { labels: FLUX }],
    ['Argo CD', 'argocd-controller', { annotations: ARGO }],
    ['Argo CD', 'argocd-controller', { labels: { 'app.kubernetes.io/instance': 'apps' } }],
  ])('will be undone by %s (%s) if that has set the field', (tool, manager, metadata) => {
    const managedFields = manages(manager, { 'f:spec': { 'f:powerState': {} } });
    expect(undoneBy(vm({ ...metadata, managedFields }), POWER)).toContain(
      `applied by ${tool}, and Git has spec.powerState: this change will be undone`,
    );
  });

  test('stays if the tool has set other fields only', () => {
    const managedFields = manages('kustomize-controller', { 'f:spec': { 'f:classRef': { 'f:name': {} } } });
    expect(undoneBy(vm({ labels: FLUX, managedFields }), POWER)).toBeUndefined();
  });

  test('will be undone if the tool has set what the field is a part of', () => {
    const managedFields = manages('kustomize-controller', { 'f:spec': { 'f:placement': {} } });
    expect(undoneBy(vm({ labels: FLUX, managedFields }), ['spec', 'placement', 'host'])).toContain(
      'will be undone',
    );
  });

  const OTHERS = { 'f:spec': { 'f:classRef': { 'f:name': {} } } };
  const byUs = manages('virtrigaud-cli', { 'f:spec': { 'f:powerState': {} } });

  test('may be undone if it was made by hand before: who had set the field is no longer known', () => {
    const managedFields = [...manages('kustomize-controller', OTHERS), ...byUs];
    expect(undoneBy(vm({ labels: FLUX, managedFields }), POWER)).toContain('if Git has spec.powerState');
  });

  test('will be undone if the object was applied with the field, whoever changed it since', () => {
    const applied = (spec: object) => ({
      ...ARGO,
      'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ spec }),
    });
    const managedFields = [...manages('argocd-controller', OTHERS), ...byUs];
    expect(undoneBy(vm({ annotations: applied({ powerState: 'On' }), managedFields }), POWER)).toContain(
      'this change will be undone',
    );
    expect(undoneBy(vm({ annotations: applied({}), managedFields }), POWER)).toBeUndefined();
  });

  test.each(['kustomize-controller', 'helm-controller', 'argocd-controller'])(
    'will be undone by %s also where it leaves no label',
    (manager) => {
      const managedFields = manages(manager, { 'f:spec': { 'f:powerState': {} } });
      expect(undoneBy(vm({ managedFields }), POWER)).toContain('will be undone');
      expect(undoneBy(vm({ managedFields: manages(manager, OTHERS) }), POWER)).toBeUndefined();
    },
  );

  test('is none where a tool only reports', () => {
    const managedFields = manages('argocd-server', { 'f:metadata': { 'f:annotations': {} } });
    expect(undoneBy(vm({ managedFields }), POWER)).toBeUndefined();
  });

  test('stays if Flux was told to stay away', () => {
    const annotations = { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' };
    expect(undoneBy(vm({ labels: FLUX, annotations }), POWER)).toBeUndefined();
  });
});
