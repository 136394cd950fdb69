import { describe, expect, test } from '@jest/globals';
import type { Step } from '../../../../../controllers/virtualmachine/model/plan.ts';
import { unknownState } from '../../../../../controllers/virtualmachine/model/process-state.ts';
import { createGuest } from '../../../../../controllers/virtualmachine/perform/clone.ts';
import type { PerformContext } from '../../../../../controllers/virtualmachine/perform/context.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import { PveError } from '../../../../../src/pve/index.ts';
import { aMark } from '../../../../builders/guests.ts';
import { aGrant } from '../../../../builders/objects.ts';

const NODE = nodeName('pve-1');
const creation = { ok: true, template: vmid(9000), templateNode: NODE, node: NODE, full: true } as const;
const step: Extract<Step, { do: 'clone' }> = {
  do: 'clone',
  vmid: vmid(101),
  name: 'web',
  owner: aMark(),
  creation,
};
const missing = (pool: string): PveError =>
  new PveError({
    refusal: 'forbidden',
    method: 'POST',
    route: '/nodes/{node}/qemu/{vmid}/clone',
    code: '403',
    message: '',
    pveMessage: `pool '${pool}' does not exist`,
  });

interface World {
  readonly grant?: ReturnType<typeof aGrant>;
  readonly pools?: () => Promise<readonly string[]>;
}

/** What is said of a clone into the pool `wbe`, which does not exist. */
async function said({ grant = aGrant(), pools = () => Promise.resolve([]) }: World): Promise<unknown> {
  const qemu = () => ({ clone: () => Promise.reject(missing('wbe')) });
  const connection = { pve: { access: { pools }, node: () => ({ qemu }) } };
  const context = { resolved: { pool: 'wbe', grant, connection }, processState: unknownState(), options: {} };
  return createGuest(step, context as unknown as PerformContext).catch((error: unknown) => error);
}

const THERE = () => Promise.resolve(['backup', 'web', 'web/prod']);

describe('a pool that does not exist', () => {
  test('is answered with those that the credentials may see, and the fields to correct', async () => {
    expect(await said({ pools: THERE })).toMatchObject({
      outcome: {
        reason: 'PoolNotFound',
        message: expect.stringMatching(
          /Pool "wbe" not found.* Pools there are web, backup, web\/prod\. Correct spec\.placement\.pool/,
        ),
      },
    });
  });

  test('is answered with those that the namespace may use, where the Provider limits them', async () => {
    const grant = aGrant({ namespaces: { names: ['default'] }, pools: ['web'] });
    const { outcome } = (await said({ grant, pools: THERE })) as { outcome: { message: string } };
    expect(outcome.message).toContain('Pools there are web. ');
    expect(outcome.message).not.toContain('backup');
  });

  test.each([
    ['may not be listed', () => Promise.reject(missing('wbe'))],
    ['cannot be seen', () => Promise.resolve([])],
  ])('is named where the others %s', async (_why, pools) => {
    expect(await said({ pools })).toMatchObject({
      outcome: { message: expect.not.stringContaining('Pools there are') },
    });
  });
});
