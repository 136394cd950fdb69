/** The room on a node that is reserved for a VM before it has a VMID. */
import { expect, test } from '@jest/globals';
import type { VirtualMachine } from '../../../../src/api/index.ts';
import { Life } from '../../../builders/life.ts';
import { vmid } from '../../../../src/lib/units.ts';

/** It has a node, and no VMID is free for it: its template has the only one. */
async function withoutVmid(): Promise<Life> {
  const life = new Life({ defaults: { vmIdRange: { start: vmid(9000), end: vmid(9000) } } });
  for (let n = 0; n < 5; n += 1) await life.pass();
  expect([...life.process.ledger.entries()]).toHaveLength(1);
  expect(life.status.vmid).toBeUndefined();
  return life;
}

test.each<{ what: string; spec: Partial<VirtualMachine['spec']> }>([
  { what: 'what it refers to is missing', spec: { imageRef: { name: 'missing' } } },
  { what: 'its spec cannot be resolved', spec: { networks: [{ name: 'nowhere' }] } },
])('is free again once the VM cannot be made because $what', async ({ spec }) => {
  const life = await withoutVmid();
  life.store.editSpec(spec);
  await life.pass();
  expect([...life.process.ledger.entries()]).toEqual([]);
});

test('stays reserved while the VM waits for a VMID', async () => {
  const life = await withoutVmid();
  for (let n = 0; n < 5; n += 1) await life.pass();
  expect([...life.process.ledger.entries()]).toHaveLength(1);
});
