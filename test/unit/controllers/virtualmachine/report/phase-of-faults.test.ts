/** The same kind of fault has the same phase and the same conditions, wherever it is found. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { endsOnlyByEdit } from '../../../../../controllers/shared/errors/only-by-edit.ts';
import { allOf } from '../../../../../controllers/virtualmachine/model/unresolved.ts';
import { create } from '../../../../../controllers/virtualmachine/plan/rules/create.ts';
import { resultOf, type VmResult } from '../../../../../controllers/virtualmachine/report/outcome.ts';
import { afterError, unresolved } from '../../../../../controllers/virtualmachine/report/unresolved.ts';
import { REASONS, type Reason } from '../../../../../src/api/index.ts';
import { retry, stalled } from '../../../../../src/runtime/outcome.ts';
import { vmid } from '../../../../../src/lib/units.ts';
import { aDesiredVm, observed } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';
import { facts } from '../facts.ts';

const vm = aVirtualMachine();

function whereNoNodeTakesIt(reason: Reason): VmResult {
  const want = aDesiredVm({ creation: { ok: false, reason, message: 'm' } });
  const plan = create(want, observed())!;
  return resultOf(vm, facts({ want, plan }));
}

const EDIT = { phase: 'Failed', outcome: 'stalled' };
const BY_ITSELF = { phase: 'Pending', outcome: 'waiting' };

test.each(REASONS)('%s', (reason) => {
  const expected = endsOnlyByEdit(reason) ? EDIT : BY_ITSELF;
  for (const result of [
    unresolved(vm, { ok: false, reason, message: 'm' }),
    unresolved(
      vm,
      allOf({ ok: false, reason: 'ClassNotFound', message: 'c' }, [{ ok: false, reason, message: 'm' }]),
    ),
    whereNoNodeTakesIt(reason),
  ])
    expect({ phase: result.status.phase, outcome: result.outcome.kind }).toEqual(expected);
});

test('an error that ends a pass is reported with its message, and as what the outcome says', () => {
  const after = (status: Parameters<typeof aVirtualMachine>[0], outcome = stalled('MissingPrivilege', 'm')) =>
    afterError(aVirtualMachine(status), outcome);
  const deleting = { metadata: { deletionTimestamp: '2026-03-01T12:00:00Z' } };
  expect(after({})).toMatchObject({ phase: 'Failed', message: 'm' });
  expect(after({}, retry('Unreachable', 'm'))).toMatchObject({ phase: 'Pending', message: 'm' });
  expect(after({ status: { vmid: vmid(101) } }, retry('Unreachable', 'm')).phase).toBe('Provisioning');
  expect(after({ status: { name: 'web', phase: 'Running' } }).phase).toBe('Running');
  expect(after({ ...deleting, status: { name: 'web', phase: 'Running' } }).phase).toBe('Deleting');
});

test('a guest that exists keeps its phase, whatever its spec lacks', () => {
  const made = aVirtualMachine({ status: { phase: 'Running', internal: { uuid: vm.metadata.uid } } });
  for (const reason of ['ClassNotFound', 'NetworkUnknown'] as const)
    expect(unresolved(made, { ok: false, reason, message: 'm' }).status.phase).toBe('Running');
});

test('the runbook lists what ends only with an edit', () => {
  const [, list = ''] =
    /only an edit can end: ([^\n]+?)\. /.exec(readFileSync('docs/runbook.md', 'utf8')) ?? [];
  expect([...list.matchAll(/`(\w+)`/g)].map(([, reason]) => reason)).toEqual(REASONS.filter(endsOnlyByEdit));
});
