/** One write of a guest's configuration. */
import { isAboutTags } from '../config/best-effort.ts';
import { allocates } from '../config/change.ts';
import type { BestEffortWrite } from '../model/config.ts';
import type { Started } from '../model/facts.ts';
import type { Step } from '../model/plan.ts';
import { DONE, startedTask } from './context.ts';
import { type CallOptions, PveError, type Qemu } from '../../../src/pve/index.ts';

/** PVE has never accepted it as it is, or not with these credentials. */
const refusedOption = (write: BestEffortWrite, { refusal }: PveError): BestEffortWrite | undefined =>
  refusal === 'forbidden' || refusal === 'invalid' ? write : undefined;

const refusedTags = ({ refusal, pveMessage }: PveError): BestEffortWrite | undefined =>
  refusal === 'forbidden' && isAboutTags(pveMessage) ? TEMPLATE_TAGS : undefined;

/** Tags that the clone has from its template and that are to be removed. */
const TEMPLATE_TAGS: BestEffortWrite = { key: 'tags', value: undefined };

export async function configure(
  qemu: Qemu,
  step: Extract<Step, { do: 'configure' }>,
  { isOff, options }: { readonly isOff: boolean; readonly options: CallOptions },
): Promise<Started> {
  const { change: keys, digest, bestEffort } = step;
  try {
    const write = { digest, delete: keys.delete };
    // For a stopped guest only a file is written. To create a volume, or to unplug a device, may take longer than the 30 s
    // that a request may take.
    const isShort = bestEffort !== undefined || keys.ejects === true || (isOff && !allocates(keys));
    if (!isShort) return startedTask(step, await qemu.setConfig(keys.set, write, options));
    await qemu.setConfigNow(keys.set, write, options);
    return DONE;
  } catch (error) {
    if (!(error instanceof PveError)) throw error;
    const refused = bestEffort ? refusedOption(bestEffort, error) : refusedTags(error);
    if (refused) return { kind: 'refused', write: refused, pveMessage: error.pveMessage };
    throw error;
  }
}
