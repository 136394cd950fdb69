import { describe, expect, test } from '@jest/globals';
import { derive } from '../../../../../controllers/virtualmachine/observe/derive.ts';
import type { Inputs } from '../../../../../controllers/virtualmachine/observe/inputs.ts';
import { questions } from '../../../../../controllers/virtualmachine/observe/questions.ts';
import { read, type ReadContext } from '../../../../../controllers/virtualmachine/observe/read.ts';
import { NO_FACTS, type RawFacts } from '../../../../../controllers/virtualmachine/observe/raw-facts.ts';
import { smbiosUuidOf } from '../../../../../controllers/shared/guests/identity.ts';
import { unknownState } from '../../../../../controllers/virtualmachine/model/process-state.ts';
import type { DesiredCloudInit } from '../../../../../controllers/virtualmachine/model/desired.ts';
import type { PlainSpec } from '../../../../../controllers/virtualmachine/model/resolved-spec.ts';
import { PveError } from '../../../../../src/pve/index.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import {
  aDesiredVm,
  aDigest,
  aGuest,
  aMark,
  configOf,
  NOW,
  seen,
  TEMPLATE_CONFIG,
  UPID,
} from '../../../../builders/guests.ts';
import { aGrant, aVirtualMachine, UID, type VirtualMachineChange } from '../../../../builders/objects.ts';
import { aNode, aRow, aTemplateRow, aView } from '../../../../builders/views.ts';

const { exists: _exists, creation: _creation, graceSeconds, ...SHAPE } = aDesiredVm();
const SPEC: PlainSpec = {
  shape: SHAPE,
  graceSeconds,
  owner: aMark(),
  deletionPolicy: 'Delete',
  image: { vmid: vmid(9000) },
  storage: undefined,
  host: undefined,
  pool: undefined,
  besideOthers: false,
  protection: undefined,
  hooks: undefined,
  conflict: undefined,
  grant: aGrant(),
  notGranted: [],
  ignored: [],
};
const MADE: VirtualMachineChange['status'] = {
  vmid: vmid(101),
  name: 'web',
  node: nodeName('pve-1'),
  internal: { uuid: UID },
};

const inputs = (
  status: VirtualMachineChange['status'],
  {
    raw,
    state,
    spec,
  }: { raw?: Partial<RawFacts>; state?: Partial<Inputs['state']>; spec?: Partial<PlainSpec> } = {},
): Inputs => ({
  vm: aVirtualMachine({ status }),
  spec: { ...SPEC, ...spec },
  raw: { ...NO_FACTS, ...raw },
  cluster: {
    view: aView({ nodes: [aNode('pve-1'), aNode('pve-2')], guests: [aRow(), aTemplateRow()] }),
    promised: { memory: new Map(), space: new Map() },
    nodeSelector: [],
    defaults: {},
    timing: undefined,
  },
  state: { ...unknownState(), ...state },
  digest: aDigest,
  now: NOW,
});
const asked = (...from: Parameters<typeof inputs>) => questions(inputs(...from)).map(({ read }) => read);

/** The content of each storage, or how Proxmox VE refuses to tell it. */
function contextWith(list: readonly string[] | 'forbidden' | 'invalid'): ReadContext {
  const content = () =>
    typeof list === 'string'
      ? Promise.reject(
          new PveError({ refusal: list, method: 'GET', route: 'content', code: '403', message: 'No.' }),
        )
      : Promise.resolve(list.map((volid) => ({ volid })));
  const pve = { node: () => ({ storage: () => ({ content }) }) };
  return { connection: { pve }, options: {} } as unknown as ReadContext;
}

const QUIET = { inFlight: { quiescent: true } };

describe('the questions about a guest', () => {
  test('begin with its task, and end with it while it runs', () => {
    const status = { ...MADE, task: { upid: UPID, type: 'Start', startedAt: new Date(NOW).toISOString() } };
    expect(asked(status)).toEqual(['task']);
    expect(asked(status, { raw: { task: { state: 'running' } } })).toEqual([]);
    expect(asked(status, { raw: { task: { state: 'ok', warnings: 0 } } })).toEqual(['presence']);
  });

  test('include the log of a task whose exit status does not say why it failed', () => {
    const status = { ...MADE, task: { upid: UPID, type: 'Migrate', startedAt: new Date(NOW).toISOString() } };
    const failed = (exitStatus: string) => ({ state: 'failed', exitStatus }) as const;
    expect(asked(status, { raw: { task: failed('migration aborted') } })).toEqual(['taskLog']);
    expect(asked(status, { raw: { task: failed('VM 101 is not running') } })).toEqual(['presence']);
    const raw = { task: failed('migration aborted'), taskLog: ["ERROR: can't migrate it"] };
    expect(asked(status, { raw })).toEqual(['presence']);
    expect(
      derive(inputs(status, { raw: { ...raw, presence: seen() }, state: QUIET })).have.failure,
    ).toMatchObject({
      message: "migration aborted: can't migrate it",
    });
  });

  test('are about its presence only, where nothing else can be in flight', () => {
    expect(asked(MADE, { state: QUIET })).toEqual(['presence']);
    expect(asked(MADE, { state: QUIET, raw: { presence: seen() } })).toEqual([]);
  });

  test('include the running tasks after a restart of the operator', () => {
    expect(asked(MADE, { raw: { presence: seen() } })).toEqual(['activeTasks']);
    expect(asked(MADE, { raw: { presence: seen(), activeTasks: [] } })).toEqual([]);
  });

  test('include the resolver of the node before an image is made, and not where nothing needs it', () => {
    const made = { ...MADE, cloneType: 'Linked' as const, internal: { uuid: smbiosUuidOf(TEMPLATE_CONFIG) } };
    const presence = seen({ config: TEMPLATE_CONFIG, mark: aMark(), running: false });
    const of = (cloudInit: DesiredCloudInit, raw: Partial<RawFacts> = {}) =>
      asked(made, {
        state: QUIET,
        raw: { presence, ...raw },
        spec: { shape: { ...SHAPE, cloudInit } },
      });
    const image = { userData: '#cloud-config\npackages: [nginx]\n', sshKeys: [] };
    expect(of(image)).toEqual(['resolver']);
    expect(of(image, { resolver: { dns: [], search: [] } })).toEqual([]);
    expect(of({ userData: undefined, sshKeys: [] })).toEqual([]);
    expect(of({ ...image, networkData: 'version: 2\n' })).toEqual([]);
  });

  test.each([
    ['that its node has', ['local:snippets/web.yaml'], undefined],
    ['that its node does not have', [], 'SnippetNotFound'],
    ['on a storage that is not on its node', 'invalid', 'SnippetNotFound'],
    // It may be there: Proxmox VE says so when the guest starts.
    ['on a storage whose list the credentials may not see', 'forbidden', undefined],
  ] as const)('include a snippet %s', async (_which, list, problem) => {
    const spec = {
      shape: {
        ...SHAPE,
        cloudInit: { userData: undefined, sshKeys: [], snippet: 'local:snippets/web.yaml' },
      },
    };
    const raw = { presence: seen({ config: TEMPLATE_CONFIG, mark: aMark(), running: false }) };
    const status = {
      ...MADE,
      cloneType: 'Linked' as const,
      internal: { uuid: smbiosUuidOf(TEMPLATE_CONFIG) },
    };
    const at = { spec, raw, state: QUIET };
    const [question] = questions(inputs(status, at));
    const answer = await read(question!, contextWith(list));
    const known = inputs(status, { ...at, raw: { ...raw, ...answer } });
    expect(questions(known)).toEqual([]);
    expect(derive(known).have.change?.seedProblem?.reason).toBe(problem);
  });

  test('include a locked guest once more after its tasks', () => {
    const locked = seen({ config: configOf(aMark(), { lock: 'clone' }) });
    expect(asked(MADE, { state: QUIET, raw: { presence: locked } })).toEqual(['activeTasks']);
    expect(asked(MADE, { state: QUIET, raw: { presence: locked, activeTasks: [] } })).toEqual([
      'presenceAgain',
    ]);
  });

  test('about one that does not exist are about templates, and whose guest has our name', () => {
    expect(asked(undefined)).toEqual(['template']);
    const template = {
      vmid: vmid(9000),
      node: nodeName('pve-1'),
      isTemplate: true,
      running: false,
      disks: [],
      cdStorages: [],
      linkable: true,
    };
    const templates = new Map([[template.vmid, template]]);
    expect(asked(undefined, { raw: { templates } })).toEqual(['namesakes']);
    expect(asked(undefined, { raw: { templates, namesakes: [] } })).toEqual([]);
  });

  test('ask about a move only where the lists have nothing against it', () => {
    const guest = aGuest({ config: configOf(aMark(), { scsi0: 'none' }) });
    const raw: Partial<RawFacts> = { presence: { kind: 'seen', guest } };
    const there = { spec: { host: nodeName('pve-2'), shape: { ...SHAPE, host: nodeName('pve-2') } } };
    expect(asked(MADE, { state: QUIET, raw, ...there })).toEqual(['movability']);
    const gone = { spec: { host: nodeName('pve-9'), shape: { ...SHAPE, host: nodeName('pve-9') } } };
    expect(asked(MADE, { state: QUIET, raw, ...gone })).toEqual([]);
  });
});

describe('what is derived', () => {
  test('gives the guest that was read, and that nothing is in flight any more', () => {
    const { have, learned } = derive(inputs(MADE, { raw: { presence: seen(), activeTasks: [] } }));
    expect(have.presence.kind).toBe('seen');
    expect(learned.inFlight).toMatchObject({ quiescent: true });
  });

  test('counts the doubt about a clone request from when this process saw it first', () => {
    const { have, learned } = derive(inputs({ vmid: vmid(102) }, { raw: { presence: { kind: 'absent' } } }));
    expect(have.claim).toMatchObject({ certain: false, ageMs: 0 });
    expect(learned.cloneRequest).toEqual({ unknownSince: NOW });
  });

  test('changes nothing of what it was given', () => {
    const given = inputs(MADE, { raw: { presence: seen(), activeTasks: [] } });
    const before = structuredClone(given.state);
    derive(given);
    expect(given.state).toEqual(before);
  });
});
