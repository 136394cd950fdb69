/** The same kind of fault has the same phase and the same conditions, wherever it is found. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { endsOnlyByEdit } from '../../../../../controllers/shared/errors/only-by-edit.ts';
import { allOf } from '../../../../../controllers/virtualmachine/model/unresolved.ts';
import { create } from '../../../../../controllers/virtualmachine/plan/rules/create.ts';
import {
  resultOf,
  unresolved,
  type VmResult,
} from '../../../../../controllers/virtualmachine/report/outcome.ts';
import { REASONS, type Reason } from '../../../../../src/api/index.ts';
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
