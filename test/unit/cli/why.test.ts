import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { REASONS } from '../../../src/api/reasons.ts';
import { runbookRows } from '../../../hack/generate/runbook-reasons.ts';
import { adviceOn, nextStep } from '../../../src/cli/why/advice.ts';
import { byImportance } from '../../../src/cli/why/conditions.ts';
import { explain } from '../../../src/cli/why/explain.ts';
import { printExplanation } from '../../../src/cli/why/print.ts';
import { RUNBOOK } from '../../../src/cli/why/runbook.ts';
import { ready, stored } from '../../builders/cli-call.ts';

const condition = (type: string, status: string, reason = 'Some', message = '') => ({
  type,
  status,
  reason,
  message,
});
const broken = stored('VirtualMachine', 'web', {
  status: {
    phase: 'Failed',
    conditions: [
      condition('Placed', 'True', 'Placed'),
      condition('Synced', 'False', 'Drifted', 'Somebody changed the memory.'),
      condition('Stalled', 'True', 'NetworkUnknown', 'No bridge.'),
      condition('Ready', 'False', 'NetworkUnknown', 'No bridge.'),
    ],
    observedGeneration: 0,
    failure: { step: 'Clone', message: 'storage \u001B[31mfull', attempts: 3, at: '2026-03-01T11:58:00Z' },
    task: { type: 'Clone', upid: 'UPID:x', startedAt: '2026-03-01T11:59:00Z', progress: '5 GiB of 32 GiB' },
  },
});
const event = (reason: string, lastTimestamp: string) =>
  stored('Event', reason, { reason, type: 'Warning', message: 'why', lastTimestamp });
const OPTIONS = { colour: false, now: new Date('2026-03-01T12:00:00Z'), width: 100 };

const facts = (related: Parameters<typeof explain>[0]['related'] = []) =>
  explain({
    kind: 'VirtualMachine',
    object: broken,
    events: [event('Later', '2026-03-01T11:59:00Z'), event('Earlier', '2026-03-01T11:00:00Z')],
    related,
  });

describe('conditions', () => {
  test('stand in the order in which they matter: Ready, then what is wrong, then what is well', () => {
    const order = byImportance([
      condition('Placed', 'True'),
      condition('GuestAgentConnected', 'False'),
      condition('RestartRequired', 'True'),
      condition('Synced', 'Unknown'),
      condition('FieldsIgnored', 'False'),
      condition('Stalled', 'True'),
      condition('OfTomorrow', 'False'),
      condition('Ready', 'False'),
    ]).map(({ type }) => type);
    expect(order).toEqual([
      ...['Ready', 'Stalled', 'Synced', 'RestartRequired', 'GuestAgentConnected', 'OfTomorrow'],
      ...['FieldsIgnored', 'Placed'],
    ]);
  });
});

describe('the runbook', () => {
  const page = readFileSync('docs/runbook.md', 'utf8');

  test('is what the plugin knows', () => {
    expect(RUNBOOK).toEqual(runbookRows(page));
  });

  test.each(REASONS)('says something of %s', (reason) => {
    expect(Object.keys(adviceOn('VirtualMachine', reason) ?? {})).not.toHaveLength(0);
  });

  test('has other advice on a reason for another kind', () => {
    expect(nextStep('VMSnapshot', 'VMNotFound')).not.toBe(nextStep('VirtualMachine', 'VMNotFound'));
    expect(nextStep('VirtualMachine', 'Reconciled')).toBeUndefined();
  });
});

describe('why a VM is not ready', () => {
  const related = [
    {
      reference: { kind: 'Provider' as const, path: 'spec.providerRef', namespace: 'infra', name: 'pve' },
      object: 'Forbidden' as const,
      events: [],
    },
    {
      reference: { kind: 'VMClass' as const, path: 'spec.classRef', namespace: 'team-a', name: 'small' },
      object: 'NotFound' as const,
      events: [],
    },
    {
      reference: { kind: 'VMSnapshot' as const, path: 'spec.vmRef', namespace: 'team-a', name: 'snap' },
      object: stored('VMSnapshot', 'snap', {
        status: {
          observedGeneration: 0,
          conditions: [condition('Ready', 'False', 'HalfDeleted', 'Half of it is left.')],
        },
      }),
      events: [event('HalfDeleted', '2026-03-01T11:59:00Z')],
    },
  ];
  const text = printExplanation(facts(related), OPTIONS);

  test('begins with the reason, the message and what to do', () => {
    expect(text).toMatch(
      /^virtualmachine\/web in team-a is not ready: NetworkUnknown \(Failed\)\n {2}No bridge\.\n {2}Next\n {4}Set `bridge`, or `spec\.defaults\.bridge` of the Provider\.\n/,
    );
  });

  test('has the words of Proxmox VE, without control characters', () => {
    expect(text).toContain('Clone failed, attempt 3, last 2m ago. Proxmox VE says: storage [31mfull');
    expect(text).toContain('Task Clone, started 60s ago: 5 GiB of 32 GiB (UPID:x)');
  });

  test('says the same once', () => {
    expect(text.match(/No bridge/g)).toHaveLength(1);
    expect(text).toContain('Somebody changed the memory.');
  });

  test('names what it refers to, also what does not exist or may not be read', () => {
    expect(text).toContain('provider/pve in infra (spec.providerRef) may not be read by you');
    expect(text).toContain('vmclass/small in team-a (spec.classRef) does not exist');
    expect(text).toContain('vmsnapshot/snap in team-a (spec.vmRef) is not ready: HalfDeleted');
    expect(text).toContain('Next: Fix what Proxmox VE says in the message.');
  });

  test('ends with the events, the latest last', () => {
    expect(text).toMatch(/Events\n {2}60m Warning Earlier: why\n {2}60s Warning Later: why\n$/);
  });

  test('is coloured on a terminal only', () => {
    expect(text).not.toContain('\u001B');
    expect(printExplanation(facts(), { ...OPTIONS, colour: true })).toContain('\u001B[31mnot ready');
  });

  test('is that the operator does not run, where it has not seen the VM', () => {
    const object = stored('VirtualMachine', 'web', { status: { observedGeneration: -1 } });
    expect(explain({ kind: 'VirtualMachine', object, events: [], related: [] }).message).toContain(
      'The operator has not seen the object as it is now.',
    );
  });

  test('says of a VM whose deletion nobody has seen that it is being deleted, and not that it is fine', () => {
    const object = stored('VirtualMachine', 'web', {
      metadata: { name: 'web', generation: 2, deletionTimestamp: '2026-03-01T12:00:00Z' },
      status: ready(),
    });
    const found = explain({ kind: 'VirtualMachine', object, events: [], related: [] });
    expect(found).toMatchObject({
      message:
        'It is being deleted, and the operator has not seen that. If this lasts, it does not run, or does not watch the namespace.',
      next: expect.stringContaining('kubectl get pods -A -l app=provider-proxmox'),
    });
    expect(found).not.toHaveProperty('reason');
  });

  test('is nothing if it is ready', () => {
    const object = stored('VirtualMachine', 'web', { status: ready() });
    expect(explain({ kind: 'VirtualMachine', object, events: [], related: [] })).toMatchObject({
      ready: true,
    });
  });
});
