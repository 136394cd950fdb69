import { expect, test } from '@jest/globals';
import { factsOf } from '../../../../../controllers/virtualmachine/report/facts.ts';
import type { ResolvedSpec } from '../../../../../controllers/virtualmachine/model/resolved-spec.ts';
import type { GuestRow, Surroundings } from '../../../../../controllers/virtualmachine/model/surroundings.ts';
import { aClaim, aDesiredVm, aMark, observed, seen } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';
import { aTemplateRow } from '../../../../builders/views.ts';

async function differences(asked: string | undefined, row: Partial<GuestRow>): Promise<string> {
  const pool = asked ?? 'of-provider';
  const surroundings = {
    row: { ...aTemplateRow(), pool: undefined, ...row },
    cpus: { maxCpus: 8, nodeCpus: 8 },
    storages: [],
    isoStorage: undefined,
  } satisfies Surroundings;
  const vm = aVirtualMachine({ spec: asked === undefined ? {} : { placement: { pool: asked } } });
  const resolved = { owner: aMark(), pool, ignored: [], connection: { origin: 'https://pve' } };
  const facts = await factsOf(
    vm,
    resolved as unknown as ResolvedSpec,
    {
      want: aDesiredVm(),
      have: observed({ claim: aClaim({ made: true }), presence: seen() }),
      plan: { kind: 'wait', reason: 'Busy', message: 'Busy.', againMs: 1 },
      started: undefined,
      cloudInit: undefined,
      boots: false,
      surroundings,
    },
    {},
  );
  return facts.differences.join(' ');
}

test('a VM that is in no pool although its spec names one is reported, with the command that adds it', async () => {
  expect(await differences('k8s', {})).toContain('pveum pool modify k8s --vms 101');
});

test.each<[string, string | undefined, Partial<GuestRow>]>([
  ['is in the pool', 'k8s', { pool: 'k8s' }],
  ['is still being cloned', 'k8s', { lock: 'clone' }],
  ['has a pool only from its Provider, which is for new VMs', undefined, {}],
])('a VM that %s is not', async (_what, asked, row) => {
  expect(await differences(asked, row)).not.toContain('in no pool');
});
