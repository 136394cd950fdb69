/** Attaches a volume of PVE's cloud-init drive again, if it exists: PVE refuses one that does not. */
import type { Guest } from '../../shared/guests/model.ts';
import type { Started } from '../model/facts.ts';
import type { Step } from '../model/plan.ts';
import { DONE } from './context.ts';
import { type CallOptions, parseVolumeId, type Pve } from '../../../src/pve/index.ts';

interface Context {
  readonly pve: Pick<Pve, 'node'>;
  readonly guest: Guest;
  readonly options: CallOptions;
}

export async function reattachDrive(
  { device, volume, digest }: Extract<Step, { do: 'reattachDrive' }>,
  { pve, guest, options }: Context,
): Promise<Started> {
  const node = pve.node(guest.node);
  const name = parseVolumeId(volume)?.storage ?? '';
  const volumes = await node.storage(name).content('images', options);
  if (!volumes.some(({ volid }) => volid === volume)) return { kind: 'driveGone' };
  await node.qemu(guest.vmid).setConfigNow({ [device]: `${volume},media=cdrom` }, { digest }, options);
  return DONE;
}
