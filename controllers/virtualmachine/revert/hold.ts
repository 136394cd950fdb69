/** A guest that keeps a restored state: what would be changed is only named. Pure. */
import { keysOf } from '../config/parts.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { ConfigChange, BestEffortWrite, DeviceChanges } from '../model/config.ts';
import type { DiskWork } from '../model/disks.ts';
import type { Observed } from '../model/observed.ts';

type Held = Pick<
  Observed,
  | 'devices'
  | 'unrecordedNics'
  | 'nicsNotApplied'
  | 'drift'
  | 'parts'
  | 'bestEffortWrites'
  | 'notApplied'
  | 'awaited'
  | 'obsoleteKeys'
  | 'disks'
  | 'restoredDiffers'
>;

/** What the spec would change. */
export interface Differences {
  readonly change: ConfigChange | undefined;
  readonly devices?: DeviceChanges | undefined;
  readonly bestEffortWrites: readonly BestEffortWrite[];
  readonly disks: DiskWork;
}

/** What was applied to the guest says nothing of the restored one, so the record of it stays as it is. */
export const heldBack = (differences: Differences, { config }: Guest): Held => ({
  devices: undefined,
  unrecordedNics: false,
  nicsNotApplied: undefined,
  drift: undefined,
  parts: undefined,
  bestEffortWrites: [],
  notApplied: [],
  awaited: [],
  obsoleteKeys: [],
  disks: {
    ...differences.disks,
    unrecorded: false,
    steps: [],
    unmakeable: [],
    open: [],
    differences: [],
  },
  restoredDiffers: namesOf(differences, config),
});

/** Keys and disks without values: a configuration may hold secrets. */
function namesOf(
  { change, devices, bestEffortWrites, disks }: Differences,
  config: Guest['config'],
): string[] {
  const keys = [
    ...(change ? keysOf(change) : []),
    ...(devices?.writes ?? []).map(({ key }) => key),
    ...bestEffortWrites.map(({ key }) => key),
  ];
  const changed = disks.steps.map((step) => ('name' in step ? step.name : step.disk));
  const missing = disks.entries.flatMap(({ name, device, volume }) =>
    volume !== undefined && config[device]?.startsWith(volume) !== true ? [name] : [],
  );
  return [...new Set([...keys, ...[...changed, ...missing].map((name) => `disk ${name}`)])].slice(
    0,
    MAX_NAMES,
  );
}

const MAX_NAMES = 16;
