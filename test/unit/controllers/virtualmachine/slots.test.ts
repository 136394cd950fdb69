import { expect, test } from '@jest/globals';
import { createCloneSlots } from '../../../../controllers/shared/limits/clones.ts';
import type { Step } from '../../../../controllers/virtualmachine/model/plan.ts';
import { unknownState } from '../../../../controllers/virtualmachine/model/process-state.ts';
import type { ResolvedSpec } from '../../../../controllers/virtualmachine/model/resolved-spec.ts';
import { createGuest } from '../../../../controllers/virtualmachine/perform/clone.ts';
import type { PerformContext } from '../../../../controllers/virtualmachine/perform/context.ts';
import { afterRefusal } from '../../../../controllers/virtualmachine/slots.ts';
import { nodeName, vmid } from '../../../../src/lib/units.ts';
import { PveError } from '../../../../src/pve/index.ts';
import { aMark, NOW } from '../../../builders/guests.ts';
import { aGrant } from '../../../builders/objects.ts';
import { aView } from '../../../builders/views.ts';

const REQUEST = { source: vmid(9000), running: true, full: true, storage: 'nfs' };

const refusal = (refused: PveError['refusal'], pveMessage: string): PveError =>
  new PveError({
    refusal: refused,
    method: 'POST',
    route: '/nodes/{node}/qemu/{vmid}/clone',
    code: '500',
    message: pveMessage,
    pveMessage,
  });

const step: Extract<Step, { do: 'clone' }> = {
  do: 'clone',
  vmid: vmid(101),
  name: 'web',
  owner: aMark(),
  creation: {
    ok: true,
    template: vmid(9000),
    templateNode: nodeName('pve-1'),
    node: nodeName('pve-1'),
    full: true,
  },
};

/** Whether another VM can be cloned after Proxmox VE answered like this. */
async function freesSlotAfter(error: PveError): Promise<boolean> {
  const cloneSlots = createCloneSlots(
    () => NOW,
    () => undefined,
  );
  const owner = aMark();
  cloneSlots.take(owner.uid, REQUEST, aView());
  const resolved = {
    owner,
    pool: 'missing',
    grant: aGrant(),
    connection: {
      cloneSlots,
      pve: {
        access: { pools: () => Promise.resolve([]) },
        node: () => ({ qemu: () => ({ clone: () => Promise.reject(error) }) }),
      },
    },
  } as unknown as ResolvedSpec;
  const context = { resolved, processState: unknownState(), options: {} } as unknown as PerformContext;
  await createGuest(step, context).catch((thrown: unknown) => afterRefusal(step, thrown, resolved));
  return cloneSlots.take('another', REQUEST, aView());
}

test.each([
  ['its pool does not exist', refusal('forbidden', "pool 'missing' does not exist")],
  ['the number is taken', refusal('exists', 'unable to create VM 101: config file already exists')],
])('a clone that was refused because %s gives its slot back', async (_why, error) => {
  expect(await freesSlotAfter(error)).toBe(true);
});

test('a clone whose answer was lost keeps its slot: it may be running', async () => {
  expect(await freesSlotAfter(refusal('unknownOutcome', 'connection reset'))).toBe(false);
});
