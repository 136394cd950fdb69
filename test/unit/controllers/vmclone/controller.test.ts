import { describe, expect, test } from '@jest/globals';
import { CLONE_NAME_LABEL, CLONE_UID_LABEL } from '../../../../src/api/index.ts';
import { upid, vmid } from '../../../../src/lib/units.ts';
import { aClass, aSnapshot, aVirtualMachine } from '../../../builders/objects.ts';
import { cloneOf, Death, template, World } from './world.ts';

const marked = { [CLONE_UID_LABEL]: 'uid-of-web-clone' };
const eventReasons = ({ events }: World) => events.map(({ reason }) => reason);

describe('a VMClone', () => {
  test('records the name of its copy before it creates it', async () => {
    const world = new World();
    await world.pass();
    expect(world.created).toEqual([]);
    expect(world.status).toMatchObject({
      targetRef: { namespace: 'default', name: 'web-clone' },
      targetGeneration: 1,
    });
    await world.pass();
    expect(world.created).toHaveLength(1);
    expect(world.status.targetUID).toBe('uid-of-copy-1');
  });

  test('gives no reason for a full clone that its spec asks for', async () => {
    const world = new World(cloneOf({ spec: { linkedClone: false } }));
    await world.passes(3);
    const placement = {
      template: vmid(100),
      node: 'pve-1',
      fullCloneReason: 'spec.cloneFrom.linked is false',
    };
    world.finish('web-clone', { cloneType: 'Full', placement: placement as never });
    await world.pass();
    expect(world.status.cloneType).toBe('Full');
    expect(world.status).not.toHaveProperty('cloneTypeReason');
  });

  test('makes one VirtualMachine of its source, and reports what it becomes', async () => {
    const world = new World(cloneOf({ spec: { linkedClone: true } }));
    await world.passes(3);
    const [copy] = world.created;
    expect(copy?.spec).toEqual({
      providerRef: { name: 'pve' },
      classRef: { name: 'small' },
      cloneFrom: { vmRef: { name: 'template-vm' }, linked: true },
    });
    expect(copy?.metadata.labels).toEqual({ [CLONE_NAME_LABEL]: 'web-clone', ...marked });
    expect(world.ready).toContain('False VMNotReady: VirtualMachine default/web-clone is not complete.');

    const task = { upid: upid('UPID'), type: 'Clone', startedAt: '2026-03-01T09:00:00Z', progress: '5 GiB' };
    world.report('web-clone', { vmid: vmid(105), cloneType: 'Full', task });
    await world.pass();
    expect(world.status).toMatchObject({ vmid: 105, cloneType: 'Full', progress: '5 GiB' });

    const placement = {
      template: vmid(100),
      node: 'pve-1',
      fullCloneReason: 'its source is a VM, not a template',
    };
    world.finish('web-clone', { cloneType: 'Full', placement: placement as never });
    await world.pass();
    expect(world.ready).toBe('True Reconciled: The spec is fulfilled.');
    expect(world.status).toMatchObject({
      vmid: 105,
      cloneType: 'Full',
      cloneTypeReason: 'its source is a VM, not a template',
      completionTime: '2026-03-01T10:00:00Z',
    });
    expect(world.status.progress).toBeUndefined();
    await world.passes(3);
    expect(world.created).toHaveLength(1);
    expect(eventReasons(world)).toEqual(['CopyCreated', 'Cloned']);
    expect(world.events[1]?.message).toBe(
      'VirtualMachine default/web-clone is complete: VM 105 in Proxmox VE, a full clone, because its source is a VM, not a template. Its disks keep the machine-id of the source; its event GuestCopied says what replaces it.',
    );
  });

  test('says what fails in its VirtualMachine, and that only a person can fix it if so', async () => {
    const world = new World();
    await world.passes(2);
    const is = {
      lastTransitionTime: '',
      observedGeneration: 1,
      reason: 'NoEligibleNode',
      message: 'No node.',
    };
    world.report('web-clone', { conditions: [{ type: 'Ready', status: 'False', ...is }] });
    await world.pass();
    expect(world.ready).toBe(
      'False NoEligibleNode: VirtualMachine default/web-clone is not complete. No node.',
    );
    expect(world.conditions.map(({ type }) => type)).toEqual(['Ready', 'Reconciling']);
    world.report('web-clone', {
      conditions: [
        { type: 'Ready', status: 'False', ...is },
        { type: 'Stalled', status: 'True', ...is },
      ],
    });
    await world.pass();
    expect(world.conditions.map(({ type }) => type)).toEqual(['Ready', 'Stalled']);
  });

  test('that is complete does not follow the later fate of its copy', async () => {
    const world = new World();
    await world.passes(2);
    world.finish('web-clone');
    await world.pass();
    world.report('web-clone', { vmid: vmid(105), phase: 'Failed' });
    await world.pass();
    expect(world.ready).toContain('True');
    world.delete('template-vm');
    await world.pass();
    expect(world.ready).toContain('True');
  });

  test('says in an event what it did not take over', async () => {
    const networks = [{ name: 'lan', mac: '02:00:00:00:00:01' }];
    const world = new World(cloneOf(), [template({ spec: { networks, protection: true } })]);
    await world.passes(2);
    expect(world.events[0]?.message).toBe(
      'VirtualMachine default/web-clone was created. Not taken over from the source: MAC and static addresses of lan; protection.',
    );
  });

  test('whose copy is deleted says so and makes no other', async () => {
    const world = new World();
    await world.passes(2);
    world.finish('web-clone');
    await world.pass();
    world.vms = world.vms.map((vm) =>
      vm.metadata.name === 'web-clone'
        ? { ...vm, metadata: { ...vm.metadata, deletionTimestamp: '2026-03-01T11:00:00Z' } }
        : vm,
    );
    await world.pass();
    expect(world.ready).toContain('False VMDeleted: VirtualMachine default/web-clone is being deleted.');
    world.delete('web-clone');
    await world.passes(3);
    expect(world.ready).toContain('False VMDeleted: VirtualMachine default/web-clone was deleted.');
    expect(world.created).toHaveLength(1);
    // Another object has its name.
    world.vms = [...world.vms, aVirtualMachine({ metadata: { name: 'web-clone', uid: 'another' } })];
    await world.passes(2);
    expect(world.ready).toContain('False VMDeleted');
  });

  test('that is edited when the copy exists says that this has no effect', async () => {
    const world = new World();
    await world.passes(2);
    world.store.editSpec({ target: { tags: ['late'] } });
    await world.pass();
    expect(world.conditions.find(({ type }) => type === 'FieldsIgnored')).toMatchObject({
      reason: 'NoEffect',
      message: expect.stringContaining('Edit the VirtualMachine'),
    });
    expect(world.created[0]?.spec.tags).toBeUndefined();
  });

  test('that is edited before the copy exists makes it of the edited spec', async () => {
    const world = new World();
    await world.pass();
    world.store.editSpec({ target: { name: 'other', tags: ['early'] } });
    await world.passes(3);
    expect(world.created.map(({ metadata, spec }) => [metadata.name, spec.tags])).toEqual([
      ['other', ['early']],
    ]);
    expect(world.status).toMatchObject({ targetRef: { name: 'other' }, targetGeneration: 2 });
    expect(world.conditions.map(({ type }) => type)).not.toContain('FieldsIgnored');
  });

  test('that is deleted before the copy exists makes none', async () => {
    const world = new World();
    await world.pass();
    world.store.markDeleted();
    expect(world.store.live()).toBeUndefined();
    await world.passes(2);
    expect(world.created).toEqual([]);
  });

  test('that is being deleted, and whose object somebody else keeps, makes none', async () => {
    const world = new World(cloneOf({ metadata: { finalizers: ['example.com/keep'] } }));
    await world.pass();
    world.store.markDeleted();
    await world.passes(2);
    expect(world.created).toEqual([]);
  });

  test('clones a VMSnapshot with the spec of its VM', async () => {
    const snapshot = aSnapshot({ spec: { vmRef: { name: 'template-vm' } } });
    const ref = { sourceVMRef: undefined, sourceSnapshotRef: { name: 'before-upgrade' } };
    const world = new World(cloneOf({ spec: ref }));
    await world.pass();
    expect(world.ready).toContain('False SnapshotNotFound: VMSnapshot default/before-upgrade not found; ');
    world.snapshots = [snapshot];
    await world.pass();
    expect(world.ready).toContain('False SourceNotReady: VMSnapshot default/before-upgrade is not ready');
    world.snapshots = [{ ...snapshot, status: { readyToUse: true, internal: { vmUID: 'former' } } }];
    await world.pass();
    expect(world.ready).toContain('The VirtualMachine of VMSnapshot default/before-upgrade was deleted.');
    // It never gets one again.
    expect(world.conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True' }));
    const { vms } = world;
    world.vms = [];
    await world.pass();
    expect(world.ready).toContain('The VirtualMachine of VMSnapshot default/before-upgrade was deleted.');
    world.vms = vms;
    world.snapshots = [{ ...snapshot, status: { readyToUse: true, internal: { vmUID: 'uid-of-template' } } }];
    await world.passes(2);
    expect(world.created[0]?.spec).toMatchObject({
      classRef: { name: 'small' },
      cloneFrom: { snapshotRef: { name: 'before-upgrade' } },
    });
  });

  test('ends with a snapshot whose VM is gone, even where another VM has its name', async () => {
    const snapshot = aSnapshot({ spec: { vmRef: { name: 'template-vm' } } });
    const ref = { sourceVMRef: undefined, sourceSnapshotRef: { name: 'before-upgrade' } };
    const world = new World(cloneOf({ spec: ref }));
    // As its own controller leaves it.
    world.snapshots = [{ ...snapshot, status: { readyToUse: false, internal: { vmUID: 'former' } } }];
    await world.passes(2);
    expect(world.ready).toBe(
      'False CloneNotPossible: The VirtualMachine of VMSnapshot default/before-upgrade was deleted. Name another source.',
    );
    expect(world.conditions).toContainEqual(expect.objectContaining({ type: 'Stalled', status: 'True' }));
    expect(world.created).toEqual([]);
  });

  test('makes no VirtualMachine as long as the class of its target is missing', async () => {
    const world = new World(cloneOf({ spec: { target: { classRef: { name: 'large' } } } }));
    await world.passes(2);
    expect(world.ready).toContain('False ClassNotFound: VMClass default/large not found');
    expect(world.created).toEqual([]);
    world.classes = [aClass({}, { name: 'large' })];
    await world.passes(2);
    expect(world.created).toHaveLength(1);
  });

  test('makes no VirtualMachine with a class of another namespace that does not allow it', async () => {
    const at = { name: 'large', namespace: 'infra' };
    const world = new World(cloneOf({ spec: { target: { classRef: at } } }));
    world.classes = [aClass({}, at)];
    await world.passes(2);
    expect(world.ready).toContain('False ReferenceNotAllowed: VMClass infra/large');
    expect(world.created).toEqual([]);
    world.classes = [aClass({}, { ...at, annotations: { 'virtrigaud.io/allow-from': 'default' } })];
    await world.passes(2);
    expect(world.created).toHaveLength(1);
  });

  test.each([
    ['does not exist', [], 'VMNotFound: VirtualMachine default/template-vm not found; '],
    [
      'has no guest yet',
      [template({ status: { phase: 'Provisioning' } })],
      'SourceNotReady: VirtualMachine default/template-vm does not exist in Proxmox VE yet',
    ],
    [
      'is being deleted',
      [template({ metadata: { deletionTimestamp: '2026-03-01T08:00:00Z' } })],
      'SourceNotReady: VirtualMachine default/template-vm is being deleted',
    ],
  ])('waits as long as its source %s', async (_what, vms, message) => {
    const world = new World(cloneOf(), vms);
    await world.passes(3);
    expect(world.ready).toContain(`False ${message}`);
    expect(world.status.targetRef).toBeUndefined();
    world.vms = [template()];
    await world.passes(2);
    expect(world.created).toHaveLength(1);
  });
});

describe('a VMClone whose name another VirtualMachine has', () => {
  const foreign = aVirtualMachine({ metadata: { name: 'web-clone', uid: 'foreign' } });

  test('is refused, and goes on once that is gone', async () => {
    const world = new World(cloneOf(), [template(), foreign]);
    await world.passes(2);
    expect(world.ready).toContain(
      'False NameTaken: VirtualMachine default/web-clone exists, and was not made by VMClone web-clone.',
    );
    expect(world.conditions.map(({ type }) => type)).toContain('Stalled');
    expect(world.status.targetUID).toBeUndefined();
    world.delete('web-clone');
    await world.passes(2);
    expect(world.status.targetUID).toBe('uid-of-copy-1');
  });

  test('goes on under another name', async () => {
    const world = new World(cloneOf(), [template(), foreign]);
    await world.pass();
    world.store.editSpec({ target: { name: 'other' } });
    await world.passes(2);
    expect(world.created.map(({ metadata }) => metadata.name)).toEqual(['other']);
  });

  test('never takes it over, even where the cache shows it late', async () => {
    const world = new World();
    await world.pass();
    world.vms = [...world.vms, foreign];
    world.unseen = new Set(['web-clone']);
    await world.passes(2);
    expect(world.status.targetUID).toBeUndefined();
    world.unseen = new Set();
    await world.pass();
    expect(world.ready).toContain('False NameTaken');
    expect(world.vm('web-clone')?.metadata.uid).toBe('foreign');
  });

  test('and that is its own source, is refused', async () => {
    const world = new World(cloneOf({ spec: { target: { name: 'template-vm' } } }));
    await world.pass();
    expect(world.ready).toContain('False NameTaken');
  });
});

describe('a process that dies', () => {
  const writes = ['before status', 'after status', 'before create', 'after create'];
  const moments = writes.flatMap((what) => [0, 1].map((skipped) => [what, skipped] as const));

  test.each(moments)('%s (after %s of them) leaves one copy', async (what, skipped) => {
    const world = new World();
    let left: number = skipped;
    let deaths = 0;
    world.onWrite = (now) => {
      if (now !== what || deaths > 0) return;
      if (left > 0) {
        left -= 1;
        return;
      }
      deaths += 1;
      throw new Death();
    };
    for (let i = 0; i < 6; i += 1) await world.pass().catch(() => undefined);
    world.finish('web-clone');
    await world.passes(2);
    // There is one creation only.
    expect(deaths).toBe(what.endsWith('create') && skipped > 0 ? 0 : 1);
    expect(world.created).toHaveLength(1);
    expect(world.status).toMatchObject({ targetUID: 'uid-of-copy-1', targetGeneration: 1 });
    expect(world.ready).toContain('True');
  });

  test('right after the creation finds the copy under the name that was asked for then', async () => {
    const world = new World();
    await world.pass();
    world.onWrite = (now) => {
      if (now === 'after create') throw new Death();
    };
    await expect(world.pass()).rejects.toThrow(Death);
    world.onWrite = () => undefined;
    world.store.editSpec({ target: { name: 'other' } });
    await world.passes(3);
    expect(world.created).toHaveLength(1);
    expect(world.status).toMatchObject({ targetRef: { name: 'web-clone' }, targetGeneration: 1 });
    expect(world.conditions.map(({ type }) => type)).toContain('FieldsIgnored');
  });

  test('does not create anything for what was edited or deleted meanwhile', async () => {
    const world = new World();
    await world.pass();
    const fetch = world.store.fetch.bind(world.store);
    world.store.fetch = (...args) => {
      world.store.editSpec({ target: { name: 'other' } });
      return fetch(...args);
    };
    await world.pass();
    expect(world.created).toEqual([]);
    world.store.fetch = (...args) => {
      world.store.markDeleted();
      return fetch(...args);
    };
    await world.passes(3);
    expect(world.created).toEqual([]);
  });
});

describe('a VMClone whose status was lost', () => {
  const finished = async () => {
    const world = new World();
    await world.passes(2);
    world.finish('web-clone');
    await world.pass();
    return world;
  };

  test('finds its copy by the label', async () => {
    const world = await finished();
    const before = world.status;
    world.store.loseStatus();
    await world.pass();
    expect({ ...world.status, conditions: [] }).toEqual({ ...before, conditions: [] });
    expect(world.created).toHaveLength(1);
  });

  test('finds it after its target was edited', async () => {
    const world = await finished();
    world.store.editSpec({ target: { name: 'other' } });
    world.store.loseStatus();
    await world.passes(2);
    expect(world.status.targetUID).toBe('uid-of-copy-1');
    expect(world.created).toHaveLength(1);
  });

  test('prefers its copy to a VirtualMachine that was made by copying the manifest of it', async () => {
    const world = await finished();
    const [copy] = world.created;
    const twin = { ...copy!, metadata: { ...copy!.metadata, name: 'a-twin', uid: 'twin' } };
    world.vms = [twin, ...world.vms];
    world.store.loseStatus();
    await world.pass();
    expect(world.status.targetUID).toBe('uid-of-copy-1');
  });

  test('takes no VirtualMachine of a namespace that has nothing to do with it', async () => {
    const world = await finished();
    world.delete('web-clone');
    const metadata = { name: 'bait', namespace: 'elsewhere', labels: marked };
    world.vms = [aVirtualMachine({ metadata }), ...world.vms];
    world.store.loseStatus();
    await world.pass();
    expect(world.status.targetUID).toBeUndefined();
  });
});

describe('a VMClone into another namespace', () => {
  const source = template({ metadata: { annotations: { 'virtrigaud.io/allow-from': 'team-b' } } });
  const into = (namespace = 'team-b') => new World(cloneOf({ spec: { target: { namespace } } }), [source]);

  test('makes its copy there if the Namespace and the source allow it', async () => {
    const world = into();
    world.namespaces = { 'team-b': { 'virtrigaud.io/allow-from': 'default' } };
    await world.passes(2);
    expect(world.created[0]).toMatchObject({
      metadata: { namespace: 'team-b', name: 'web-clone' },
      spec: {
        providerRef: { name: 'pve', namespace: 'default' },
        classRef: { name: 'small', namespace: 'default' },
        cloneFrom: { vmRef: { name: 'template-vm', namespace: 'default' } },
      },
    });
    const is = { lastTransitionTime: '', observedGeneration: 1, reason: 'AgentError', message: 'A secret.' };
    world.report('web-clone', { conditions: [{ type: 'Ready', status: 'False', ...is }] });
    await world.pass();
    expect(world.ready).toBe(
      'False AgentError: VirtualMachine team-b/web-clone is not complete. Its condition Ready says why.',
    );
  });

  test.each([
    ['does not exist', 'absent' as const],
    ['allows others only', { 'virtrigaud.io/allow-from': 'team-c' }],
    ['allows nobody', {}],
  ])('is refused if the Namespace %s', async (_what, annotations) => {
    const world = into();
    world.namespaces = { 'team-b': annotations };
    await world.passes(2);
    expect(world.ready).toContain(
      'False ReferenceNotAllowed: Namespace team-b does not exist, or does not allow',
    );
    expect(world.created).toEqual([]);
  });

  test('is refused if the source does not allow references from there', async () => {
    const world = into('team-c');
    world.namespaces = { 'team-c': { 'virtrigaud.io/allow-from': 'default' } };
    await world.passes(2);
    expect(world.ready).toContain(
      'ReferenceNotAllowed: VirtualMachine default/template-vm does not exist, or',
    );
    expect(world.created).toEqual([]);
  });

  test('is refused where the operator may not read Namespaces', async () => {
    const world = into();
    world.namespaces = { 'team-b': 'unavailable' };
    await world.passes(2);
    expect(world.ready).toContain('False NamespaceNotWatched');
    expect(world.ready).toContain('create the VMClone in team-b');
  });

  test('does not take its copy for deleted where its namespace is no longer watched', async () => {
    const world = into();
    world.namespaces = { 'team-b': { 'virtrigaud.io/allow-from': 'default' } };
    await world.passes(2);
    const [copy] = world.created;
    world.watched = ['default'];
    world.delete('web-clone');
    await world.pass();
    expect(world.ready).toContain('Unknown NamespaceNotWatched: VirtualMachine team-b/web-clone was made');
    world.vms = [copy!, ...world.vms];
    world.watched = undefined;
    await world.pass();
    expect(world.ready).toContain('False VMNotReady');
    expect(world.created).toHaveLength(1);
  });

  test('keeps what it reported until the Namespaces have been read', async () => {
    const world = into();
    world.namespaces = { 'team-b': 'unread' };
    await world.pass();
    const first = world.ready;
    expect(first).toContain('ReferenceNotAllowed');
    world.namespaces = { 'team-b': { 'virtrigaud.io/allow-from': 'default' } };
    world.delete('template-vm');
    await world.pass();
    expect(world.ready).toContain('VMNotFound');
    world.namespaces = { 'team-b': 'unread' };
    await world.pass();
    expect(world.ready).toContain('VMNotFound');
  });
});

test('a source in another namespace has to allow it', async () => {
  const ref = { name: 'template-vm', namespace: 'golden' };
  const world = new World(cloneOf({ spec: { sourceVMRef: ref } }), [
    template({ metadata: { namespace: 'golden' } }),
  ]);
  await world.pass();
  expect(world.ready).toContain(
    'False ReferenceNotAllowed: VirtualMachine golden/template-vm does not exist, or',
  );
  const annotations = { 'virtrigaud.io/allow-from': 'default' };
  world.vms = [template({ metadata: { namespace: 'golden', annotations } })];
  await world.passes(2);
  expect(world.created[0]).toMatchObject({
    metadata: { namespace: 'default' },
    spec: {
      providerRef: { name: 'pve', namespace: 'golden' },
      cloneFrom: { vmRef: { name: 'template-vm', namespace: 'golden' } },
    },
  });
});
