import { describe, expect, test } from '@jest/globals';
import { reportConditions } from '../../../../../controllers/virtualmachine/report/conditions.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import { eventsOf } from '../../../../../controllers/virtualmachine/report/events.ts';
import type { Observed } from '../../../../../controllers/virtualmachine/model/observed.ts';
import type { Plan, Step } from '../../../../../controllers/virtualmachine/model/plan.ts';
import {
  aClaim,
  aDesiredVm,
  CREATION_AND_MOVE,
  GONE,
  NOW,
  observed,
  seen,
  UPID,
} from '../../../../builders/guests.ts';
import { facts, type FactsChange } from '../facts.ts';

const act = (step: Step): Plan => ({ kind: 'act', step });
const REFUSE: Plan = { kind: 'refuse', reason: 'Odd', message: 'It is odd.' };
const WAIT: Plan = { kind: 'wait', reason: 'TaskRunning', message: 'It runs.', againMs: 1 };
const MADE = aClaim({ made: true });
const there = (guest: Parameters<typeof seen>[0] = {}) => ({ claim: MADE, presence: seen(guest) });
const condition = (type: string, some: FactsChange) =>
  reportConditions(facts(some)).find((each) => each.type === type);

describe('conditions', () => {
  test('say nothing but what the engine says while the object goes', () => {
    expect(reportConditions(facts({ want: GONE, have: there() }))).toEqual([]);
  });

  test('say what a guest has that is no longer granted, after what differs from the spec', () => {
    const notGranted = ['Disk data uses storage ssd.'];
    expect(condition('Synced', { have: there(), notGranted })).toMatchObject({
      status: 'False',
      reason: 'NotGranted',
      message: 'Disk data uses storage ssd.',
    });
    expect(condition('Synced', { have: there(), notGranted, differences: ['It differs.'] })).toMatchObject({
      reason: 'Different',
      message: 'It differs. Disk data uses storage ssd.',
    });
  });

  test.each<[string, Observed['presence']]>([
    ['is missing', { kind: 'absent' }],
    ['cannot be read', { kind: 'unknown', message: 'No quorum.' }],
  ])('say nothing of where a guest would be made that was made and %s', (_what, presence) => {
    const creation = { ok: false, reason: 'GuestExists', message: 'The guest exists already.' } as const;
    const conditions = reportConditions(
      facts({ want: aDesiredVm({ creation }), have: { claim: MADE, presence }, plan: REFUSE }),
    );
    expect(conditions.map(({ type }) => type)).not.toContain('Placed');
  });

  test('do not say where a guest is to be made while something keeps it from being made', () => {
    const failure = { step: 'Clone' as const, message: 'no space', attempts: 1, at: NOW };
    const failed = { kind: 'failed', step: 'Clone', message: 'no space' } as const;
    expect(condition('Placed', { plan: REFUSE })).toBeUndefined();
    expect(condition('Placed', { plan: REFUSE, have: { claim: aClaim() } })).toBeUndefined();
    expect(condition('Placed', { plan: WAIT, have: { claim: aClaim(), failure } })).toBeUndefined();
    expect(condition('Placed', { plan: act({ do: 'reserve' }), started: failed })).toBeUndefined();
    // A turn to wait for is no refusal.
    expect(condition('Placed', { plan: WAIT, have: { claim: aClaim() } })?.status).toBe('True');
  });

  test('say of a guest that is not made, because nothing is to be changed, only where it would be', () => {
    const withheld: Plan = { kind: 'withheld', by: 'ObserveOnly', steps: [{ do: 'reserve' }] };
    const would = 'The VM would be made on node pve-1, as a linked clone of 9000.';
    expect(condition('Placed', { plan: withheld })?.message).toBe(would);
    expect(condition('Placed', { plan: WAIT, dryRun: [] })?.message).toBe(would);
  });

  test('Placed names the node, or why there is none', () => {
    expect(condition('Placed', { have: there() })?.message).toBe(
      'The VM is on node pve-1, its root disk on storage local-lvm, made as a linked clone of 9000.',
    );
    expect(condition('Placed', {})).toMatchObject({
      status: 'True',
      reason: 'NodeChosen',
      message: 'The VM is to be made on node pve-1, as a linked clone of 9000.',
    });
    expect(condition('Placed', { want: aDesiredVm({ creation: CREATION_AND_MOVE }) })?.message).toBe(
      'The VM is to be made on node pve-2, storage local-lvm, as a full clone of 9000, because the template is on local storage of pve-1, so it is cloned on pve-1 and then moved.',
    );
    const placement = {
      template: vmid(9000),
      node: nodeName('pve-1'),
      fullCloneReason: 'the storage cannot link',
    };
    expect(condition('Placed', { have: { ...there(), claim: aClaim({ placement }) } })?.message).toBe(
      'The VM is on node pve-1, its root disk on storage local-lvm, made as a full clone of 9000, because the storage cannot link.',
    );
    const creation = { ok: false, reason: 'NoEligibleNode', message: 'No node can.' } as const;
    expect(condition('Placed', { want: aDesiredVm({ creation }) })).toMatchObject({
      status: 'False',
      reason: 'NoEligibleNode',
      message: 'No node can.',
    });
  });

  test('Synced is true only when settled, and false for differences before pending changes', () => {
    const pending = [{ key: 'cores', pending: '2' }];
    expect(condition('Synced', { have: there() })?.status).toBe('True');
    expect(condition('Synced', { have: there(), plan: WAIT })).toBeUndefined();
    expect(condition('Synced', { have: there({ pending }) })).toMatchObject({
      status: 'False',
      reason: 'PendingChanges',
    });
    expect(
      condition('Synced', { have: there({ pending }), differences: ['The disk is larger.'] }),
    ).toMatchObject({
      status: 'False',
      reason: 'Different',
      message:
        'The disk is larger. These changes take effect when the VM is stopped and started: CPUs. Set the annotation virtrigaud.io/restartedAt to the current time to have the VM restarted, or set spec.rebootPolicy.',
    });
  });

  test('what waits for a restart is named in the words of the spec, each once', () => {
    const pending = ['cores', 'vcpus', 'memory', 'scsi1', 'net0', 'vga'].map((key) => ({
      key,
      pending: 'x',
    }));
    const disks = {
      entries: [{ name: 'data', device: 'scsi1' }],
      unrecorded: false,
      steps: [],
      unmakeable: [],
      open: [],
      differences: [],
    };
    const have = { ...there({ pending }), disks };
    for (const type of ['Synced', 'RestartRequired'])
      expect(condition(type, { have })?.message).toContain(
        'stopped and started: CPUs, memory, disk data, network interface net0, vga. Set the annotation',
      );
    const held = { reason: 'OutsideMaintenanceWindow', message: 'It is restarted in its window.' } as const;
    const restart = { note: undefined, restartedAt: undefined, held };
    expect(condition('RestartRequired', { have: { ...have, restart } })?.message).toMatch(
      /vga\. It is restarted in its window\.$/,
    );
  });

  test('what others left pending asks for no restart, and is told apart from what the spec waits for', () => {
    const theirs = [{ key: 'vga', pending: 'qxl' }];
    const alone = there({ pending: theirs });
    expect(condition('RestartRequired', { have: { ...alone, awaited: [] } })).toBeUndefined();
    const synced = condition('Synced', { have: { ...alone, awaited: [] } });
    expect(synced).toMatchObject({ status: 'False', reason: 'PendingChanges' });
    expect(synced?.message).toMatch(/^Changed in Proxmox VE, not by the operator, .*: vga\. Revert it there/);
    const both = { ...there({ pending: [...theirs, { key: 'cores', pending: '2' }] }), awaited: ['cores'] };
    expect(condition('RestartRequired', { have: both })?.message).toContain('stopped and started: CPUs. Set');
    expect(condition('Synced', { have: both })?.message).toContain('not by the operator');
    const drift = { keys: ['cores'], summary: 'cores 2 → 4', reverted: false };
    const drifted = condition('Synced', { have: { ...both, drift } })?.message;
    expect(drifted).toContain('cores 2 → 4');
    expect(drifted).not.toContain('CPUs');
  });

  test('RestartRequired is there only for a running guest with pending changes', () => {
    const pending = [{ key: 'cores', pending: '2' }];
    expect(condition('RestartRequired', { have: there({ pending }) })).toMatchObject({ status: 'True' });
    expect(condition('RestartRequired', { have: there({ pending, running: false }) })).toBeUndefined();
    expect(condition('RestartRequired', { have: there() })).toBeUndefined();
  });

  test.each([
    ['running', 'True', 'Connected'],
    ['silent', 'False', 'NotRunning'],
    ['notConfigured', 'False', 'NotConfigured'],
    ['refused', 'True', 'AgentError'],
    ['forbidden', 'Unknown', 'MissingPrivilege'],
    ['unreachable', 'Unknown', 'Unreachable'],
    ['failed', 'Unknown', 'RefusedByProxmox'],
  ] as const)('GuestAgentConnected for an agent that is %s is %s', (agent, isConnected, why) => {
    expect(condition('GuestAgentConnected', { have: there(), agent })).toMatchObject({
      status: isConnected,
      reason: why,
    });
    expect(condition('GuestAgentConnected', { have: there({ running: false }), agent })).toBeUndefined();
  });

  test('GuestAgentConnected says to install an agent only where none answers', () => {
    const messageFor = (agent: Parameters<typeof reportConditions>[0]['agent']) =>
      condition('GuestAgentConnected', { have: there(), agent, agentProblem: 'The cause.' })?.message;
    expect(messageFor('silent')).toContain('install qemu-guest-agent');
    for (const agent of ['refused', 'forbidden', 'unreachable', 'failed'] as const) {
      expect(messageFor(agent)).toContain('The cause.');
      expect(messageFor(agent)).not.toContain('install');
    }
  });

  test('GuestAgentConnected says how to enable the agent of a VM where the operator does not', () => {
    const message = (pending: readonly { readonly key: string; readonly pending: string }[]) =>
      condition('GuestAgentConnected', { have: there({ pending }), agent: 'notConfigured' })?.message;
    expect(message([{ key: 'agent', pending: 'enabled=1' }])).toContain('from the next stop and start on');
    expect(message([])).toContain('qm set 101 --agent 1');
  });

  test('FieldsIgnored is there only where fields are ignored', () => {
    expect(condition('FieldsIgnored', {})).toBeUndefined();
    expect(condition('FieldsIgnored', { ignored: ['A.', 'B.'] })).toMatchObject({
      status: 'True',
      message: 'A. B.',
    });
  });
});

describe('events', () => {
  const reasons = (plan: Plan, have: Partial<Observed> = {}) =>
    eventsOf({ plan, have: observed(have) }).map(({ reason }) => reason);

  test('tell a failed task as a warning; what is refused or waited for is reported with its condition', () => {
    const failure = { step: 'Clone' as const, message: 'no space', attempts: 1, at: NOW };
    expect(reasons(REFUSE)).toEqual([]);
    expect(reasons(WAIT)).toEqual([]);
    expect(
      reasons(WAIT, { failure, task: { upid: UPID, type: 'Clone', state: 'failed', exit: 'no space' } }),
    ).toEqual(['TaskFailed']);
    expect(reasons(WAIT, { failure })).toEqual([]);
  });

  test('announce the parts of a creation together, and each as a step of its own afterwards', () => {
    const start = act({ do: 'start' });
    const have = observed({ claim: MADE, presence: seen() });
    const told = (isBeingMade: boolean) =>
      eventsOf({ plan: start, have, isBeingMade }).map(({ reason }) => reason);
    expect(told(true)).toEqual([]);
    expect(told(false)).toEqual(['Starting']);
  });

  test('say nothing of an image that leaves its drive', () => {
    const change = { set: { ide2: 'none,media=cdrom' }, delete: [], ejects: true } as const;
    expect(reasons(act({ do: 'configure', change, digest: 'd' }), { claim: MADE, presence: seen() })).toEqual(
      [],
    );
  });

  test('say what of a configuration changes, and from what, but no secret', () => {
    const plan = act({
      do: 'configure',
      change: { set: { sshkeys: 'SECRET', vcpus: 4 }, delete: ['tags'] },
      digest: 'd',
    });
    const presence = seen({ config: { vcpus: '2', tags: 'web' } });
    const [event] = eventsOf({ plan, have: observed({ claim: MADE, presence }) });
    expect(event?.message).toBe(
      'Changing the configuration of VM 101: sshkeys (not set) → (hidden), vcpus 2 → 4, tags web → (not set).',
    );
  });
});
