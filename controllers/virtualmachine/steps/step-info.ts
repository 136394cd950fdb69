/** What is to be known of each step. A new step gets its row here, and nothing else lists the steps. Pure. */
import type { EventReason } from '../../../src/api/index.ts';
import { formatQuantity } from '../../../src/lib/quantity.ts';
import type { NodeName } from '../../../src/lib/units.ts';
import type { TaskTable } from '../../shared/tasks/model.ts';
import type { Step } from '../model/plan.ts';
import type { StepInfo, StepName, StepsByName } from '../model/step-info.ts';
import type { Failure, TaskLabel } from '../model/tasks.ts';
import { keyChanges } from '../config/key-changes.ts';
import { chosenSentence } from '../placement/chosen.ts';

const event = (reason: EventReason, message: string): { reason: EventReason; message: string } => ({
  reason,
  message,
});

const CREATE = 'create a VM';
const IMAGE = 'replace the cloud-init image';

/** PVE compares with the size of the volume, which may be larger than that in the configuration. */
const SHRINKS = /shrinking disks is not supported/;
const STALE_SIZE =
  'Its volume is larger than the configuration says. To correct the configuration, run qm disk rescan --vmid VMID on the node of the VM.';

/** Also where there is no such mapping (qemu-server, PVE::QemuServer::PCI and USB). */
const NO_DEVICE = /(?:PCI|USB) device mapping not found for '([^']+)'/;

function deviceHint(message: string, node?: NodeName): string | undefined {
  const [, mapping] = NO_DEVICE.exec(message) ?? [];
  if (mapping === undefined) return undefined;
  const where = node === undefined ? 'the node of the VM' : `node ${node}`;
  return `The resource mapping ${mapping} has no device on ${where}, or does not exist. Set spec.placement.host to a node that has one, or add a device of that node to the mapping (Datacenter, Resource Mappings).`;
}

const REVERT_EVENTS = {
  Announced: (snapshot: string, vm: string) =>
    event('RevertInProgress', `Leaving ${vm} alone for the revert to the VMSnapshot ${snapshot}.`),
  Restored: (snapshot: string, vm: string) =>
    event(
      'SnapshotReverted',
      `Keeping the state that ${vm} has after the revert to the VMSnapshot ${snapshot}. Only its power state follows the spec.`,
    ),
  Applied: (snapshot: string, vm: string) =>
    event(
      'ApplyingSpec',
      `The revert to the VMSnapshot ${snapshot} is over: the spec applies to ${vm} again.`,
    ),
};

type Table = { readonly [Name in StepName]: StepInfo<StepsByName[Name]> };

const ROWS = {
  reserve: {
    touches: 'status',
    doing: 'reserving a VMID',
    isBookkeeping: ({ vmid }) => vmid !== undefined,
    wouldDo: ({ adopts, vmid }) => (adopts ? `adopt VM ${vmid ?? ''}` : CREATE),
  },
  releaseClaim: {
    touches: 'status',
    doing: 'releasing the VMID',
    isBookkeeping: () => true,
    takenInDryRun: true,
    wouldDo: () => 'release the VMID',
  },
  recordPlacement: {
    touches: 'status',
    doing: 'recording the node chosen for the VM',
    wouldDo: () => CREATE,
  },
  recordSeed: { touches: 'status', doing: 'preparing the cloud-init image', wouldDo: () => IMAGE },
  clearApplied: {
    touches: 'status',
    doing: 'preparing a change of the configuration',
    reconfigures: true,
    wouldDo: () => 'change the configuration',
  },
  recordRestart: { touches: 'status', doing: 'recording a restart', wouldDo: () => 'restart the VM' },
  recordTags: { touches: 'status', doing: 'recording the tags to set', wouldDo: () => 'change the tags' },
  recordNetworks: {
    touches: 'status',
    doing: 'recording the network interfaces to set',
    reconfigures: true,
    wouldDo: () => 'change the network interfaces',
  },
  recordDisks: {
    touches: 'status',
    doing: 'recording the devices of new disks',
    wouldDo: () => 'add disks',
  },
  recordCdroms: {
    touches: 'status',
    doing: 'recording the devices of CD-ROM drives',
    wouldDo: () => 'change the CD-ROM drives',
  },
  recordRevert: {
    touches: 'status',
    doing: 'recording the revert to a snapshot',
    isBookkeeping: () => true,
    subject: ({ revert }) => [revert.uid, revert.requestedAt, revert.state],
    wouldDo: () => 'record the revert to a snapshot',
    event: ({ revert: { state, snapshot } }, vm) => REVERT_EVENTS[state](snapshot, vm),
  },
  recordHook: {
    touches: 'status',
    doing: 'recording that a hook is due',
    wouldDo: ({ hook }) => `run the hook ${hook}`,
  },
  clone: {
    touches: 'newGuest',
    task: 'Clone',
    doing: 'making the clone',
    wouldDo: () => CREATE,
    event: ({ vmid, creation }) => event('Creating', `Creating VM ${vmid} ${chosenSentence(creation)}.`),
  },
  create: {
    touches: 'newGuest',
    task: 'Create',
    doing: 'creating the VM',
    wouldDo: () => CREATE,
    event: ({ vmid, creation }) => event('Creating', `Creating VM ${vmid} ${chosenSentence(creation)}.`),
  },
  uploadSeed: {
    touches: 'image',
    task: 'UploadImage',
    doing: 'uploading the cloud-init image',
    wouldDo: () => IMAGE,
  },
  deleteSeed: {
    touches: 'image',
    task: 'DeleteImage',
    doing: 'deleting the cloud-init image',
    looksFirst: true,
    isCleanup: () => true,
    wouldDo: () => 'delete the cloud-init image',
  },
  adopt: {
    touches: 'guest',
    doing: 'adopting the VM',
    wouldDo: () => 'adopt the VM by writing the owner mark into its description',
  },
  restoreMark: {
    touches: 'guest',
    doing: 'writing the owner mark back',
    isBookkeeping: () => true,
    wouldDo: () => 'write the owner mark back into the description',
    event: (_step, vm) =>
      event(
        'RestoringMark',
        `Writing the owner mark, which a revert removed, back into the description of ${vm}.`,
      ),
  },
  migrate: {
    touches: 'guest',
    task: 'Migrate',
    doing: 'migrating the VM to another node',
    blocksOnlyItself: true,
    carriedOutByHa: true,
    subject: ({ move }) => [move.to],
    wouldDo: ({ move }) => `migrate the VM to node ${move.to}`,
    event: ({ move }, vm) => event('Moving', `Migrating ${vm} to node ${move.to}.`),
  },
  configure: {
    touches: 'guest',
    task: 'Configure',
    doing: 'writing the configuration',
    reconfigures: true,
    isCleanup: ({ change }) => change.ejects === true,
    subject: ({ change }) => [change.set, change.delete],
    wouldDo: ({ change }) => `change ${[...Object.keys(change.set), ...change.delete].join(', ')}`,
    event: ({ change }, vm, config = {}) =>
      event(
        'Configuring',
        `Changing the configuration of ${vm}: ${keyChanges(change, config, 'forth').join(', ')}.`,
      ),
  },
  revertPending: {
    touches: 'guest',
    doing: 'reverting pending changes',
    reconfigures: true,
    subject: ({ keys }) => [keys],
    wouldDo: ({ keys }) => `revert the pending changes of ${keys.join(', ')}`,
    event: ({ keys }, vm) =>
      event('Reverting', `Reverting changes of ${vm} that are not in effect yet: ${keys.join(', ')}.`),
  },
  runHook: {
    touches: 'guest',
    needsNoQuorum: true,
    doing: 'starting a hook in the guest',
    wouldDo: ({ hook }) => `run the hook ${hook}`,
  },
  start: {
    touches: 'guest',
    task: 'Start',
    doing: 'starting the VM',
    carriedOutByHa: true,
    hint: deviceHint,
    wouldDo: () => 'start the VM',
    event: (_step, vm) => event('Starting', `Starting ${vm}.`),
  },
  stop: {
    touches: 'guest',
    task: 'Stop',
    doing: 'stopping the VM',
    needsNoQuorum: true,
    carriedOutByHa: true,
    wouldDo: () => 'stop the VM',
    event: (_step, vm) => event('Stopping', `Stopping ${vm}.`),
  },
  shutdown: {
    touches: 'guest',
    task: 'Shutdown',
    doing: 'shutting down the VM',
    needsNoQuorum: true,
    carriedOutByHa: true,
    wouldDo: () => 'shut down the VM',
    event: ({ graceSeconds }, vm) =>
      event('ShuttingDown', `Shutting down ${vm}; it is stopped if that takes more than ${graceSeconds} s.`),
  },
  reattachDrive: {
    touches: 'guest',
    doing: 'attaching a volume, so that it is destroyed with the VM',
    looksFirst: true,
    subject: ({ volume }) => [volume],
    wouldDo: ({ volume }) => `attach ${volume}, so that it is destroyed with the VM`,
  },
  destroy: {
    touches: 'guest',
    task: 'Destroy',
    doing: 'destroying the VM',
    wouldDo: () => 'destroy the VM',
    event: (_step, vm) => event('Destroying', `Destroying ${vm}.`),
  },
  attachDisk: {
    touches: 'disk',
    task: 'AttachDisk',
    doing: 'attaching a disk',
    blocksOnlyItself: true,
    neededToStart: true,
    reconfigures: true,
    subject: ({ name }) => [name],
    target: ({ name }) => name,
    wouldDo: ({ name }) => `attach disk ${name}`,
    event: ({ name, device }, vm) => event('AttachingDisk', `Attaching disk ${name} to ${vm} as ${device}.`),
  },
  growDisk: {
    touches: 'disk',
    task: 'GrowDisk',
    doing: 'growing a disk',
    blocksOnlyItself: true,
    neededToStart: true,
    reconfigures: true,
    hint: (message) => (SHRINKS.test(message) ? STALE_SIZE : undefined),
    subject: ({ disk, to }) => [disk, to],
    target: ({ disk }) => disk,
    wouldDo: ({ disk, to }) => `grow ${disk} to ${formatQuantity(to)}`,
    event: ({ disk, to }, vm) => event('GrowingDisk', `Growing ${disk} of ${vm} to ${formatQuantity(to)}.`),
  },
  moveDisk: {
    touches: 'disk',
    task: 'MoveDisk',
    doing: 'moving a disk to another storage',
    blocksOnlyItself: true,
    reconfigures: true,
    subject: ({ disk, storage }) => [disk, storage],
    target: ({ name }) => name,
    wouldDo: ({ name, storage }) => `move disk ${name} to storage ${storage}`,
    event: ({ name, disk, storage }, vm) => {
      const what = name === disk ? disk : `disk ${name} (${disk})`;
      return event('MovingDisk', `Moving ${what} of ${vm} to storage ${storage}.`);
    },
  },
  detachDisk: {
    touches: 'disk',
    task: 'DetachDisk',
    doing: 'detaching a disk',
    blocksOnlyItself: true,
    reconfigures: true,
    subject: ({ name }) => [name],
    target: ({ name }) => name,
    wouldDo: ({ name }) => `detach disk ${name}`,
    event: ({ name, device }, vm) =>
      event(
        'DetachingDisk',
        `Detaching disk ${name} (${device}) from ${vm}, because it is no longer in the spec.`,
      ),
  },
  destroyDisk: {
    touches: 'disk',
    task: 'DestroyDisk',
    doing: 'destroying a disk',
    blocksOnlyItself: true,
    reconfigures: true,
    subject: ({ name }) => [name],
    target: ({ name }) => name,
    wouldDo: ({ name }) => `destroy disk ${name}`,
    event: ({ name, volume }, vm) =>
      event(
        'DestroyingDisk',
        `Destroying disk ${name} (${volume}) of ${vm}, because its reclaimPolicy is Delete.`,
      ),
  },
} satisfies Table;

/** The steps that change something of this sort. */
export type StepTouching<What extends StepInfo['touches']> = {
  [Name in StepName]: (typeof ROWS)[Name]['touches'] extends What ? StepsByName[Name] : never;
}[StepName];

const STEPS: Table = ROWS;
const rowOf = <Name extends StepName>(name: Name): StepInfo<StepsByName[Name]> => STEPS[name];

/** The row of a step. */
export const infoOf = (step: Step): StepInfo => rowOf(step.do);

export const touches = <What extends StepInfo['touches']>(
  step: Step,
  ...what: readonly What[]
): step is StepTouching<What> => what.some((each) => each === infoOf(step).touches);

const BY_LABEL = new Map(
  Object.values<StepInfo<never>>(STEPS).flatMap((info) =>
    info.task === undefined ? [] : [[info.task, info] as const],
  ),
);

/** Labels of tasks. What is known of a task is known of the step that begins it. */
export const TASKS: TaskTable<TaskLabel> = BY_LABEL;

/** Equal for steps that ask the same of PVE for the same spec. */
export const signatureOf = (step: Step, generation: number): string =>
  JSON.stringify([generation, step.do, ...(infoOf(step).subject?.(step) ?? [])]);

const infoOfFailure = ({ step }: Failure): StepInfo<never> | undefined =>
  step === 'Unknown' ? undefined : BY_LABEL.get(step);

/** A disk could not be changed. */
export const isDiskFailure = (failure: Failure): boolean => infoOfFailure(failure)?.touches === 'disk';

/** The guest is not started until the step succeeds. */
export const blocksStart = (failure: Failure): boolean => infoOfFailure(failure)?.neededToStart === true;
