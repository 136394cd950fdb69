import { expect, test } from '@jest/globals';
import { relocate } from '../../../../../controllers/virtualmachine/placement/relocate.ts';
import { plan } from '../../../../../controllers/virtualmachine/plan/plan.ts';
import type { ClusterFacts } from '../../../../../controllers/virtualmachine/model/surroundings.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import { aClaim, aDesiredVm, aGuest, configOf, observed, aMark } from '../../../../builders/guests.ts';
import { aVirtualMachine } from '../../../../builders/objects.ts';
import { aNode, aRow, aStorage, aView, onBothNodes } from '../../../../builders/views.ts';

const HOST = nodeName('pve-2');
const MADE = aVirtualMachine({
  status: { vmid: vmid(101), createdAt: '2026-03-01T11:00:00.000Z', node: nodeName('pve-1') },
});
const cluster: ClusterFacts = {
  view: aView({
    nodes: [aNode('pve-1'), aNode('pve-2')],
    storages: onBothNodes(aStorage()),
    guests: [aRow()],
  }),
  promised: { memory: new Map(), space: new Map() },
  nodeSelector: [],
  defaults: {},
  timing: undefined,
};

test.each(['snapshot', 'backup', 'rollback'])(
  'a move of a guest with the lock %s is due and waits for it: the VM is not reported as being in order',
  (lock) => {
    const want = aDesiredVm({ host: HOST });
    const guest = aGuest({ node: nodeName('pve-1'), lock, config: configOf(aMark(), { lock }) });
    const relocation = relocate(MADE, { want, guest }, { cluster, preconditions: undefined });
    expect(relocation).toEqual({ move: { to: HOST, asked: true } });
    const have = observed({
      claim: aClaim({ made: true }),
      presence: { kind: 'seen', guest },
      move: relocation?.move,
      relocation,
    });
    expect(plan(want, have)).toMatchObject({ kind: 'wait', reason: 'Locked' });
  },
);
