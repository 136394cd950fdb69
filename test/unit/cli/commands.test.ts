import { describe, expect, test } from '@jest/globals';
import { KubeError } from '../../../src/kube/errors.ts';
import { cliWorld, ready, stored, type World } from '../../builders/cli-call.ts';

const NOW = '2026-03-01T12:00:00.000Z';
const web = (rest: object = {}) => stored('VirtualMachine', 'web', { spec: {}, ...rest });
const snap = (rest: object = {}) =>
  stored('VMSnapshot', 'before', { spec: { vmRef: { name: 'web' } }, ...rest });

async function patchOf(vm: ReturnType<typeof web>, ...words: readonly string[]) {
  const world = cliWorld([vm, snap()]);
  await world.call(...words);
  return { body: world.writes[0]?.body, out: world.out(), err: world.err() };
}

describe('a command', () => {
  test.each([
    [['start', 'web'], { spec: { powerState: 'OffGraceful' } }, { spec: { powerState: 'On' } }],
    [['stop', 'web'], {}, { spec: { powerState: 'OffGraceful' } }],
    [['stop', 'web', '--force'], { spec: { powerState: true } }, { spec: { powerState: 'Off' } }],
    [['migrate', 'web', 'pve-2'], {}, { spec: { placement: { host: 'pve-2' } } }],
    [['restart', 'web'], {}, { metadata: { annotations: { 'virtrigaud.io/restartedAt': NOW } } }],
    [['revert', 'before'], {}, { spec: { revert: { requestedAt: NOW } } }],
  ])('%j sets what the operator acts on', async (words, vm, body) => {
    expect((await patchOf(web(vm), ...words)).body).toEqual(body);
  });

  test.each([
    [['start', 'web'], {}],
    [['start', 'web'], { spec: { powerState: true } }],
    [['stop', 'web', '--force'], { spec: { powerState: false } }],
  ])('%j says where there is nothing to change', async (words, vm) => {
    const { body, out } = await patchOf(web(vm), ...words);
    expect(body).toEqual({});
    expect(out).toMatch(/ \(no change\)\n$/);
  });

  test.each([
    [{ metadata: { name: 'web', deletionTimestamp: NOW } }, 'web is being deleted'],
    [{ spec: { managementPolicy: 'Paused' } }, 'managementPolicy of web is Paused'],
    [
      { metadata: { name: 'web', annotations: { 'virtrigaud.io/dry-run': 'true' } } },
      'web has the annotation virtrigaud.io/dry-run',
    ],
    [{ metadata: { name: 'web', labels: { 'helm.toolkit.fluxcd.io/name': 'x' } } }, 'web is applied by Flux'],
  ])('warns where %j keeps the change from having an effect', async (vm, warning) => {
    const { err, out } = await patchOf(web(vm), 'stop', 'web');
    expect(err).toContain(`Warning: ${warning}`);
    expect(out).toBe('virtualmachine.infra.virtrigaud.io/web stop requested\n');
  });

  const VM = 'virtualmachine.infra.virtrigaud.io/web';

  test.each([
    [['start', 'web'], { spec: { powerState: 'Off' } }, `${VM} start requested`],
    [['stop', 'web'], {}, `${VM} stop requested`],
    [['restart', 'web'], {}, `${VM} restart requested`],
    [['migrate', 'web', 'pve-2'], {}, `${VM} migration to pve-2 requested`],
    [['revert', 'before'], {}, 'vmsnapshot.infra.virtrigaud.io/before revert of web requested'],
  ])('%j does not say that it has happened what was only asked for', async (words, vm, said) => {
    expect((await patchOf(web(vm), ...words)).out).toBe(`${said}\n`);
  });

  describe('that moves a VM', () => {
    const here = web({ spec: { providerRef: { name: 'pve' } }, status: { node: 'pve-1' } });
    const nodes = [
      { name: 'pve-1', status: 'online' },
      { name: 'pve-2', status: 'offline' },
    ];
    const provider = (status: object) => stored('Provider', 'pve', { status });

    test('refuses a node that the cluster does not have', async () => {
      const world = cliWorld([here, provider({ nodes, nodeCount: 2 })]);
      await expect(world.call('migrate', 'web', 'pve-3')).rejects.toThrow(
        'the Proxmox VE cluster of provider/pve has no node "pve-3": its nodes are pve-1, pve-2',
      );
      await expect(world.call('migrate', 'web', '')).rejects.toThrow('no node ""');
      expect(world.writes).toEqual([]);
    });

    test.each([
      ['does not list all', [here, provider({ nodes, nodeCount: 65 })]],
      ['cannot be read', [here]],
    ])('asks for it where the Provider %s', async (_, objects) => {
      const world = cliWorld(objects);
      expect(await world.call('migrate', 'web', 'pve-3')).toBe(0);
      expect(world.writes).toHaveLength(1);
    });

    test('ends with why it is not moved', async () => {
      const message = 'It cannot be moved: node pve-2 is offline.';
      const conditions = [
        { type: 'Ready', status: 'True', reason: 'Reconciled' },
        { type: 'Synced', status: 'False', reason: 'Different', message },
      ];
      const blocked = web({ status: { observedGeneration: 1, node: 'pve-1', conditions } });
      const world = cliWorld([blocked]);
      expect(await world.call('migrate', 'web', 'pve-2', '--wait')).toBe(1);
      expect(world.err()).toBe(`error: virtualmachines/web: ${message}\n`);
      const queued = { type: 'Reconciling', status: 'True', reason: 'MoveQueued' };
      const waits = web({ status: { ...blocked.status, conditions: [...conditions, queued] } });
      const waiting = cliWorld([waits], {
        meanwhile: ({ objects: [vm] }) => {
          if (vm) vm.status = ready({ node: 'pve-2' });
        },
      });
      expect(await waiting.call('migrate', 'web', 'pve-2', '--wait')).toBe(0);
      expect(waiting.out()).toBe(`${VM} moved to pve-2\n`);
    });
  });

  test('lists the VMs that there are, then says which are not, and fails', async () => {
    const world = cliWorld([web(), stored('VirtualMachine', 'db')]);
    expect(await world.call('list', 'web', 'nope', 'db', '-oname')).toBe(1);
    expect(world.out()).toBe(`${VM}\nvirtualmachine.infra.virtrigaud.io/db\n`);
    const notFound = 'Error from server (NotFound): virtualmachines.infra.virtrigaud.io "nope" not found\n';
    expect(world.err()).toBe(notFound);
    const table = cliWorld([web()]);
    expect(await table.call('list', 'web', 'nope')).toBe(1);
    expect(table.out()).toBe('NAME\nweb\n');
    expect(table.err()).toBe(notFound);
    const none = cliWorld([]);
    expect(await none.call('list', 'nope')).toBe(1);
    expect([none.out(), none.err()]).toEqual(['', notFound]);
  });

  const byFlux = [{ manager: 'kustomize-controller', fieldsV1: { 'f:spec': { 'f:powerState': {} } } }];
  const byHand = [{ manager: 'virtrigaud-cli', fieldsV1: { 'f:spec': { 'f:powerState': {} } } }];

  test('warns although the API server takes the field from the tool with the change', async () => {
    const metadata = { name: 'web', labels: { 'kustomize.toolkit.fluxcd.io/name': 'x' } };
    const world = cliWorld([web({ metadata: { ...metadata, managedFields: byFlux } })], {
      patched: (vm) => ({ ...vm, metadata: { ...vm.metadata, managedFields: byHand } }),
    });
    await world.call('stop', 'web');
    expect(world.err()).toContain('Git has spec.powerState: this change will be undone');
  });

  test('warns before a revert of a snapshot that Git has', async () => {
    const managedFields = [{ manager: 'kustomize-controller', fieldsV1: { 'f:spec': { 'f:revert': {} } } }];
    const world = cliWorld([snap({ metadata: { name: 'before', managedFields } })], {
      patched: (object) => ({ ...object, metadata: { ...object.metadata, managedFields: byHand } }),
    });
    await world.call('revert', 'before');
    expect(world.err()).toContain('Git has spec.revert.requestedAt: this change will be undone');
  });

  test('changes the other VMs where one does not exist, and fails', async () => {
    const world = cliWorld([web(), stored('VirtualMachine', 'db')]);
    expect(await world.call('stop', 'web', 'nothing', 'db')).toBe(1);
    expect(world.writes.map(({ name }) => name)).toEqual(['web', 'db']);
    expect(world.err()).toBe(
      'Error from server (NotFound): virtualmachines.infra.virtrigaud.io "nothing" not found\n',
    );
  });

  test('is for the VMs that it names, or for those with the labels', async () => {
    const world = cliWorld([web(), stored('VirtualMachine', 'db')]);
    await expect(world.call('stop')).rejects.toThrow('name a VM, or select some with --selector');
    for (const words of [['-l', 'a=b'], ['--all']])
      await expect(world.call('stop', 'web', ...words)).rejects.toThrow('name cannot be provided');
    expect(await world.call('stop', '-l', 'a=b')).toBe(0);
    expect(world.writes.map(({ name }) => name)).toEqual(['web', 'db']);
  });

  test.each([
    [['stop', '-l', '']],
    [['stop', '--selector= ']],
    [['start', '-l', '']],
    [['restart', '-l', '']],
    [['stop', '-l', '', '--all']],
    [['stop', '']],
    [['stop', 'web', '']],
  ])('changes nothing where a variable of the shell is not set: %j', async (words) => {
    const world = cliWorld([web(), stored('VirtualMachine', 'db')]);
    await expect(world.call(...words)).rejects.toThrow(/is empty/);
    expect(world.writes).toEqual([]);
  });

  test('is for all VMs of the namespace only with --all', async () => {
    const world = cliWorld([web(), stored('VirtualMachine', 'db')]);
    await expect(world.call('stop', '--all', '-l', 'a=b')).rejects.toThrow('--all and --selector');
    expect(await world.call('stop', '--all')).toBe(0);
    expect(world.writes.map(({ name }) => name)).toEqual(['web', 'db']);
  });

  test.each([
    'vm/web',
    'virtualmachine/web',
    'virtualmachines/web',
    'VirtualMachine/web',
    'virtualmachine.infra.virtrigaud.io/web',
    'virtualmachines.infra.virtrigaud.io/web',
    'virtualmachines.v1beta1.infra.virtrigaud.io/web',
  ])('takes %s for the VM web', async (word) => {
    const world = cliWorld([web()]);
    expect(await world.call('stop', word)).toBe(0);
    expect(world.writes.map(({ name }) => name)).toEqual(['web']);
  });

  test.each([
    ['web/status', 'the server doesn\'t have a resource type "web"'],
    ['vm/web/status', 'may not have more than one slash'],
    ['provider/web', 'provider/web is a Provider, and a VirtualMachine is expected'],
    ['../web', 'the server doesn\'t have a resource type ".."'],
    ['..', 'invalid name ".."'],
    ['web?dryRun=All', 'invalid name "web?dryRun=All"'],
    ['Web', 'invalid name "Web"'],
    ['vm/', 'a name is empty'],
    ['a'.repeat(254), 'invalid name'],
  ])('refuses %s, which is no name of a VM', async (word, message) => {
    const world = cliWorld([web()]);
    for (const words of [
      ['stop'],
      ['plan'],
      ['console'],
      ['snapshots'],
      ['list'],
      ['snapshot', 'new', '--vm'],
    ])
      await expect(world.call(...words, word)).rejects.toThrow(message);
    expect(world.writes).toEqual([]);
  });

  test('does not revert to a snapshot of another VM than the one that is meant', async () => {
    const world = cliWorld([snap()]);
    await expect(world.call('revert', 'before', '--vm=db')).rejects.toThrow(
      'is a snapshot of the VM web, not of db',
    );
    expect(world.writes).toEqual([]);
  });

  test('clones a snapshot of the VM that is named, and of no other', async () => {
    const world = cliWorld([snap()]);
    await expect(world.call('clone', 'db', 'copy', '--snapshot=before')).rejects.toThrow('not of db');
    await world.call(
      'clone',
      'web',
      'copy',
      '--snapshot=before',
      '--full',
      '--class=large',
      '--power-state=Off',
    );
    expect(world.writes).toEqual([
      {
        kind: 'VMClone',
        name: 'copy',
        body: expect.objectContaining({
          spec: {
            sourceSnapshotRef: { name: 'before' },
            linkedClone: false,
            target: { classRef: { name: 'large' }, powerState: 'Off' },
          },
        }),
      },
    ]);
  });

  test('takes a snapshot as the document writes it', async () => {
    const world = cliWorld([]);
    await world.call(
      'snapshot',
      'b',
      '--vm=web',
      '--description=Before major upgrade',
      '--include-memory=true',
    );
    expect(world.writes[0]?.body).toMatchObject({
      metadata: { name: 'b', namespace: 'team-a' },
      spec: { vmRef: { name: 'web' }, description: 'Before major upgrade', includeMemory: true },
    });
    await expect(world.call('snapshot', 'b')).rejects.toThrow('required flag(s) "vm" not set');
  });

  test('only prints the snapshot with --dry-run=client', async () => {
    const world = cliWorld([]);
    await world.call('snapshot', 'b', '--vm=web', '--dry-run=client', '-oyaml');
    expect(world.writes).toEqual([]);
    expect(world.out()).toContain('kind: VMSnapshot\nmetadata:\n  name: b\n');
  });
});

describe('waiting', () => {
  const stops = (world: World): void => {
    const vm = world.objects[0];
    if (vm) vm.status = ready({ powerState: 'Off' });
  };

  test('ends when it is done, and shows progress on a terminal', async () => {
    const world = cliWorld([web({ status: ready({ powerState: 'On' }) })], {
      meanwhile: stops,
      terminal: true,
    });
    expect(await world.call('stop', 'web', '--wait')).toBe(0);
    expect(world.err()).toContain('virtualmachines/web: The operator has not acted on it yet.');
    expect(world.err().endsWith('\r\u001B[K')).toBe(true);
  });

  test('shows nothing where standard error is no terminal', async () => {
    const world = cliWorld([web({ status: ready({ powerState: 'On' }) })], { meanwhile: stops });
    await world.call('stop', 'web', '--wait');
    expect(world.err()).toBe('');
  });

  test('ends after the timeout, with what it waited for', async () => {
    const conditions = [{ type: 'Ready', status: 'False', reason: 'Locked', message: 'A backup runs.' }];
    const world = cliWorld([web({ status: { observedGeneration: 0, conditions } })]);
    expect(await world.call('stop', 'web', '--wait', '--timeout=5s')).toBe(1);
    expect(world.err()).toBe(
      'error: timed out waiting for the condition on virtualmachines/web: A backup runs.\n',
    );
  });

  test('ends at once where only a person can go on', async () => {
    const conditions = [
      { type: 'Stalled', status: 'True', reason: 'NetworkUnknown' },
      { type: 'Ready', status: 'False', reason: 'NetworkUnknown', message: 'No bridge.' },
    ];
    const world = cliWorld([web({ status: { observedGeneration: 0, conditions } })]);
    expect(await world.call('start', 'web', '--wait')).toBe(1);
    expect(world.err()).toBe('error: virtualmachines/web: No bridge.\n');
  });

  test.each([
    ['Reverted', 'reverted web'],
    ['NotRun', undefined],
  ])('for a revert ends with its result: %s', async (result, done) => {
    const world = cliWorld([snap()], {
      meanwhile: ({ objects: [object] }) => {
        if (object) object.status = { lastRevert: { requestedAt: NOW, result, message: 'It is late.' } };
      },
    });
    const answer = world.call('revert', 'before', '--wait');
    if (done === undefined) await expect(answer).rejects.toThrow('vmsnapshots/before: NotRun: It is late.');
    else expect(await answer).toBe(0);
    expect(world.out()).toContain(done ?? '');
  });
});

describe('a plan', () => {
  const planned = ({ objects: [vm] }: World): void => {
    const dry = vm?.metadata.annotations?.['virtrigaud.io/dry-run'] === 'true';
    if (vm) vm.status = { observedGeneration: 1, ...(dry && { plan: ['Start it.'] }) };
  };
  const dryRun = (world: World) => world.objects[0]?.metadata.annotations?.['virtrigaud.io/dry-run'];

  test('is printed, and the VM is as it was before', async () => {
    const world = cliWorld([web()], { meanwhile: planned });
    await world.call('plan', 'web');
    expect(world.out()).toBe('- Start it.\n');
    expect(world.writes).toHaveLength(2);
    expect(dryRun(world)).toBeUndefined();
  });

  test('holds the VM until it is released', async () => {
    const world = cliWorld([web()], { meanwhile: planned });
    await world.call('plan', 'web', '--hold');
    expect(dryRun(world)).toBe('true');
    await world.call('plan', 'web');
    expect(dryRun(world)).toBe('true');
    expect(world.err()).toContain('web is held');
    await world.call('plan', 'web', '--release');
    expect(dryRun(world)).toBeUndefined();
  });

  test('is not that of an earlier call, which the operator has not removed yet', async () => {
    let looks = 0;
    const world = cliWorld([web({ status: { observedGeneration: 1, plan: ['Of yesterday.'] } })], {
      meanwhile(all) {
        looks += 1;
        if (looks > 2) planned(all);
      },
    });
    await world.call('plan', 'web');
    expect(world.out()).toBe('- Start it.\n');
    expect(dryRun(world)).toBeUndefined();
  });

  test('ends with what is known of a VM that cannot be planned', async () => {
    const conditions = [
      { type: 'Ready', status: 'False', reason: 'ClassNotFound', message: 'VMClass big not found.' },
    ];
    const world = cliWorld([web({ status: { observedGeneration: 1, conditions } })]);
    await expect(world.call('plan', 'web')).rejects.toThrow(
      'virtualmachines/web: it cannot be planned. VMClass big not found.',
    );
    expect(dryRun(world)).toBeUndefined();
  });

  test('is waited for while the operator plans', async () => {
    const conditions = [{ type: 'Ready', status: 'False', reason: 'DryRun', message: 'It waits.' }];
    const world = cliWorld([web({ status: { observedGeneration: 0, conditions } })]);
    await expect(world.call('plan', 'web')).rejects.toThrow('timed out');
  });

  const lost = (status: number) =>
    new KubeError({ status, reason: status === 0 ? 'Unreachable' : 'Forbidden', message: 'no' });

  test('leaves nothing behind where an answer was lost', async () => {
    const answers = [lost(0), undefined, lost(0)];
    const world = cliWorld([web()], { meanwhile: planned, answer: () => answers.shift() });
    await expect(world.call('plan', 'web')).rejects.toThrow('no');
    expect(dryRun(world)).toBeUndefined();
    expect(world.finished).toEqual(['removing the annotation virtrigaud.io/dry-run of web']);
  });

  test('says how to remove what it could not remove', async () => {
    const world = cliWorld([web()], { meanwhile: planned, answer: (n) => (n > 1 ? lost(0) : undefined) });
    await expect(world.call('plan', 'web')).rejects.toThrow('kubectl vm plan web --release -n team-a');
  });

  test('that may not be asked for changes nothing', async () => {
    const world = cliWorld([web()], { answer: () => lost(403) });
    await expect(world.call('plan', 'web')).rejects.toThrow('no');
    expect(world.writes).toEqual([]);
  });

  test('that is given up leaves nothing behind', async () => {
    const world = cliWorld([web()]);
    await expect(world.call('plan', 'web', '--timeout=3s')).rejects.toThrow('timed out');
    expect(dryRun(world)).toBeUndefined();
    const interrupted = cliWorld([web()], { interrupted: AbortSignal.abort() });
    await expect(interrupted.call('plan', 'web')).rejects.toThrow('interrupted');
    expect(dryRun(interrupted)).toBeUndefined();
  });
});

describe('ssh', () => {
  const inline = '#cloud-config\nusers: [default, {name: ann}]\n';
  const vm = (status: object, spec: object = { userData: { cloudInit: { inline } } }) =>
    web({ spec, status });
  const addresses = { ipAddresses: ['10.0.0.5', 'fd00::5'] };

  test.each([
    [
      ['ssh', 'web'],
      ['ssh', '-l', 'ann', '--', '10.0.0.5'],
    ],
    [
      ['ssh', 'web', '--login=root', '-i', 'key', '-p', '22'],
      ['ssh', '-i', 'key', '-p', '22', '-l', 'root', '--', '10.0.0.5'],
    ],
    [
      ['ssh', 'web', '--address=fd00::5', '--', 'uptime', '-p'],
      ['ssh', '-l', 'ann', '--', 'fd00::5', 'uptime', '-p'],
    ],
  ])('%j runs the ssh of the system', async (words, ran) => {
    const world = cliWorld([vm(addresses)]);
    await world.call(...words);
    expect(world.ran).toEqual([ran]);
  });

  test('does not name a user that it does not know', async () => {
    const world = cliWorld([vm(addresses, { userData: { cloudInit: { inline: '#!/bin/sh\nuser: ann' } } })]);
    await world.call('ssh', 'web');
    expect(world.ran).toEqual([['ssh', '--', '10.0.0.5']]);
  });

  test.each([
    ['an address that is an option', vm({ ipAddresses: ['-oProxyCommand=sh'] }), 'reports no address'],
    [
      'a user that is an option',
      vm(addresses, { userData: { cloudInit: { inline: '#cloud-config\nuser: "-oProxyCommand=sh"\n' } } }),
      'is not the name of a user',
    ],
  ])('is not given %s', async (_, object, message) => {
    const world = cliWorld([object]);
    await expect(world.call('ssh', 'web')).rejects.toThrow(message);
    expect(world.ran).toEqual([]);
  });
});

describe('console', () => {
  test('opens the web interface of Proxmox VE, and nothing else', async () => {
    const url = 'https://pve.example.com:8006/?console=kvm&vmid=100';
    const world = cliWorld([web({ status: { consoleURL: url } })]);
    await world.call('console', 'web');
    await world.call('console', 'web', '--open');
    expect(world.out()).toBe(`${url}\n`);
    expect(world.ran).toEqual([['xdg-open', url]]);
    const file = cliWorld([web({ status: { consoleURL: 'file:///etc/passwd' } })]);
    await expect(file.call('console', 'web', '--open')).rejects.toThrow('web has no console');
  });
});

describe('adopt', () => {
  const provider = stored('Provider', 'pve', {
    status: { discovered: { count: 1, vms: [{ vmid: 105, name: 'Old_DB', powerState: 'Off' }] } },
  });

  test('prints a manifest that only observes, with the name and the power state that the Provider lists', async () => {
    const world = cliWorld([provider]);
    await world.call('adopt', '105', '--provider=pve', '--class=small', '-ojson');
    expect(JSON.parse(world.out())).toMatchObject({
      metadata: { name: 'old-db' },
      spec: {
        adopt: { vmid: 105 },
        powerState: 'Off',
        managementPolicy: 'ObserveOnly',
        providerRef: { name: 'pve' },
      },
    });
    expect(world.writes).toEqual([]);
  });

  test('prints YAML that kubectl reads as it is meant: a bare Off would be false', async () => {
    const world = cliWorld([
      provider,
      web({ spec: { powerState: 'On', tags: ['yes', '1e3', '0o7', '0x1f', '1_000'] } }),
    ]);
    await world.call('adopt', '105', '--provider=pve', '--class=small', '--name=no');
    expect(world.out()).toContain('  powerState: "Off"\n');
    expect(world.out()).toContain('  name: "no"\n');
    await world.call('start', 'web', '-oyaml');
    expect(world.out()).toContain('powerState: "On"');
    for (const tag of ['yes', '1e3', '1_000', '0x1f']) expect(world.out()).toContain(`- "${tag}"`);
  });

  test('warns of a VM that the Provider does not list', async () => {
    const world = cliWorld([provider]);
    await world.call('adopt', '106', '--provider=infra/pve', '--class=small');
    expect(world.err()).toContain('does not list the VM 106');
    expect(world.out()).toContain('namespace: infra');
  });

  test('needs a VMID, a Provider and a class', async () => {
    const world = cliWorld([]);
    await expect(world.call('adopt', 'web')).rejects.toThrow('invalid VMID "web"');
    await expect(world.call('adopt', '105')).rejects.toThrow('required flag(s) "provider", "class" not set');
  });
});
