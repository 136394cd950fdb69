import { expect, test } from '@jest/globals';
import { createLedger } from '../../../../../controllers/shared/cluster/ledger.ts';
import { withBridges } from '../../../../../controllers/virtualmachine/networks/bridges.ts';
import { createCreations } from '../../../../../controllers/virtualmachine/placement/creation.ts';
import type { ResolvedSpec } from '../../../../../controllers/virtualmachine/resolve/resolve.ts';
import type { Pve } from '../../../../../src/pve/index.ts';
import { GiB, vmid } from '../../../../../src/lib/units.ts';
import { NOW } from '../../../../builders/guests.ts';
import { aTemplateRow, aView } from '../../../../builders/views.ts';

test('templates and bridges are read once for many VMs, although their Connection is made again', async () => {
  const reads: string[] = [];
  const config = () => {
    reads.push('template');
    return Promise.resolve({ values: { scsi0: 'local-lvm:base-9000-disk-0,size=10G' } });
  };
  const network = () => {
    reads.push('bridges');
    return Promise.resolve([{ iface: 'vmbr0' }]);
  };
  const client = { node: () => ({ qemu: () => ({ config }), network }) } as unknown as Pve;
  const ledger = createLedger(() => NOW);
  const resolvedFor = (uid: string) =>
    ({
      connection: { pve: client, ledger, nodeSelector: [], defaults: {} },
      shape: { cpus: 1, memory: GiB, nics: [{ bridge: 'vmbr0' }] },
      image: { vmid: vmid(9000) },
      owner: { uid },
    }) as unknown as ResolvedSpec;
  const now = () => NOW;
  const creations = withBridges(createCreations(now), now);
  for (const uid of ['a', 'b', 'c'])
    expect(
      await creations.decide(resolvedFor(uid), undefined, { view: aView({ guests: [aTemplateRow()] }) }, {}),
    ).toMatchObject({ ok: true });
  expect(reads).toEqual(['template', 'bridges']);
});
