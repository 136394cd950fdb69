/** A VM with a device of its node, on a node that has none: Proxmox VE tells only when the VM starts. */
import { expect, test } from '@jest/globals';
import { nodeName } from '../../../../src/lib/units.ts';
import { CopyLife } from '../../../builders/copy-life.ts';

test.each([
  ['PCI', { pciMapping: 'gpu' }],
  ['USB', { usbMapping: 'gpu' }],
])(
  'a start that fails for want of a %s device names the node and the way out, is tried less and less often, and that way works',
  async (kind, device) => {
    const life = new CopyLife({
      mappings: { gpu: ['pve-2'] },
      vm: { spec: { cloneFrom: { vmRef: { name: 'db' } }, devices: [device] } },
    });
    const starts = (): number => life.pve.requests.filter((request) => request.endsWith('/start')).length;
    await life.until(() => life.status.conditions?.some(({ type }) => type === 'Stalled') === true);
    expect(starts()).toBe(5);
    expect(life.ready).toMatchObject({
      reason: 'TaskFailed',
      message: expect.stringContaining(
        `Starting the VM failed in Proxmox VE: ${kind} device mapping not found for 'gpu'. The resource mapping gpu has no device on node pve-1, or does not exist. Set spec.placement.host to a node that has one, or add a device of that node to the mapping (Datacenter, Resource Mappings).`,
      ),
    });
    const begun = life.pve.clock.now();
    await life.until(() => life.pve.clock.now() - begun > 20 * 60_000);
    expect(starts()).toBeLessThanOrEqual(10);
    expect(JSON.stringify(life.status.failure)).not.toContain('node');

    life.vm.editSpec({ placement: { host: nodeName('pve-2') } });
    await life.untilReady();
    expect(life.guest?.node).toBe('pve-2');
    expect(life.guest?.running).toBeDefined();
    expect(life.clones).toBe(1);
  },
);
