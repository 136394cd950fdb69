/** One write of a guest's configuration. */
import { isAboutTags } from '../config/best-effort.ts';
import { allocates } from '../config/change.ts';
import type { BestEffortWrite } from '../model/config.ts';
import type { Started } from '../model/facts.ts';
import type { Step } from '../model/plan.ts';
import { DONE, startedTask } from './context.ts';
import { type CallOptions, PveError, type Qemu } from '../../../src/pve/index.ts';

/** Those that came with the clone, and shall go. */
const TEMPLATE_TAGS: BestEffortWrite = { key: 'tags', value: undefined };

export async function configure(
  qemu: Qemu,
  { change: keys, digest, aside }: Extract<Step, { do: 'configure' }>,
  { isOff, options }: { readonly isOff: boolean; readonly options: CallOptions },
): Promise<Started> {
  try {
    const write = { digest, delete: keys.delete };
    // Of a guest that is off it is a file that is written; to make a volume, or to unplug a device, may take longer than
    // the 30 s that a request may take.
    const isShort = aside !== undefined || keys.ejects === true || (isOff && !allocates(keys));
    if (!isShort) return startedTask('qmconfig', await qemu.setConfig(keys.set, write, options));
    await qemu.setConfigNow(keys.set, write, options);
    return DONE;
  } catch (error) {
    if (!(error instanceof PveError) || error.refusal !== 'forbidden') throw error;
    const refused = aside ?? (isAboutTags(error.pveMessage) ? TEMPLATE_TAGS : undefined);
    if (refused) return { kind: 'refused', aside: refused, said: error.pveMessage };
    throw error;
  }
}
