/** What the operator would do without the annotation: sentences for `status.plan`. Pure. */
import { DRY_RUN } from '../../../src/api/index.ts';
import { formatQuantity } from '../../../src/lib/quantity.ts';
import { keyChanges } from '../config/key-changes.ts';
import { mergeKeys, NO_KEYS, type Keys } from '../../shared/guests/keys.ts';
import type { DiskWork } from '../model/disks.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan, Step } from '../model/plan.ts';
import type { Desired } from '../model/desired.ts';
import type { Creation } from '../../shared/placement/model.ts';
import { ruleResults } from '../plan/plan.ts';
import { infoOf, touches } from '../steps/step-info.ts';
import { cut, messageOf, sentenceOf } from './message.ts';
import { wait } from '../../shared/plan/rule.ts';

const MAX_SENTENCES = 16;
const MAX_NICS = 8;
const LOOK_AGAIN_MS = 5 * 60_000;

const DELETION_EFFECT = {
  Delete: 'the VM would be shut down and destroyed',
  Retain: 'the VM would be released and keep running',
  Stop: 'the VM would be shut down and released',
} as const;

type Wanted = Extract<Desired, { exists: true }>;

/** Stops before anything is done in Proxmox VE. */
export function asDryRun(next: Plan, want: Desired): Plan {
  if (next.kind !== 'act' || infoOf(next.step).takenInDryRun) return next;
  const what = want.exists
    ? 'The operator changes nothing in Proxmox VE; status.plan lists what it would do.'
    : `The deletion waits: ${DELETION_EFFECT[want.deletionPolicy]}. status.plan lists what the operator would do.`;
  return wait(
    'DryRun',
    `The annotation ${DRY_RUN} is set. ${what} Remove the annotation to apply the spec.`,
    LOOK_AGAIN_MS,
  );
}

/** Empty: nothing would be done. */
export function dryRunPlan(want: Desired, have: Observed): string[] {
  const sentences =
    want.exists && have.claim?.made !== true && have.presence.kind !== 'seen'
      ? creationOf(want, have)
      : changesOf(want, have);
  return sentences.slice(0, MAX_SENTENCES).map(cut);
}

function creationOf(want: Wanted, have: Observed): string[] {
  const [first] = ruleResults(want, have);
  // Something else has to be resolved first, such as the guest of a former object.
  if (first && first.result.kind !== 'act') return [messageOf(first.result) ?? ''];
  return [
    howCreated(want.creation),
    `Give it ${want.cpus} CPUs and ${formatQuantity(want.memory)} of memory.`,
    ...(want.nics ?? [])
      .map(({ name, bridge }) => `Connect its network ${name} to ${bridge}.`)
      .slice(0, MAX_NICS),
    ...newDisks(want).map(({ sentence }) => sentence),
    ...rootDiskSentences(want),
    ...(want.cdroms ?? []).flatMap(({ name, volume }) =>
      volume === undefined ? [] : [`Put ${volume} into its CD-ROM drive ${name}.`],
    ),
    ...(want.cloudInit && (want.cloudInit.userData !== undefined || want.cloudInit.sshKeys.length > 0)
      ? ['Pass its user data and SSH keys to cloud-init.']
      : []),
    want.power === 'On' ? 'Start it.' : 'Leave it stopped.',
  ];
}

function rootDiskSentences({ rootDisk, withoutTemplate }: Wanted): string[] {
  if (rootDisk === undefined) return [];
  return [
    `${withoutTemplate ? 'Give it a root disk of' : 'Grow its root disk to'} ${formatQuantity(rootDisk)}.`,
  ];
}

function howCreated(creation: Creation): string {
  if (!creation.ok) return `The VM cannot be created now: ${creation.message}`;
  return creation.template === undefined
    ? `Create the VM on node ${creation.node}, storage ${creation.rootStorage}, without a template.`
    : `Create the VM on node ${creation.node} as a ${creation.full ? 'full' : 'linked'} clone of template ${creation.template}.`;
}

function changesOf(want: Desired, have: Observed): string[] {
  const results = [have, ...onceOff(want, have)].flatMap((situation) =>
    ruleResults(want, asRecorded(situation)).map(({ result }) => result),
  );
  const sentences = results.flatMap((result) =>
    result.kind === 'act' ? stepOf(result.step, want, have) : (messageOf(result) ?? []),
  );
  // What several steps would do one after the other is said with the first.
  return [...new Set(sentences)];
}

/** A VM that is to be off is stopped first, and much follows only then. */
function onceOff(want: Desired, have: Observed): Observed[] {
  const { presence } = have;
  if (!want.exists || want.power === 'On' || presence.kind !== 'seen' || !presence.guest.running) return [];
  return [{ ...have, presence: { ...presence, guest: { ...presence.guest, running: false } } }];
}

/** The rules would first record what they are about to change, but it is the change itself that is to be listed. */
const asRecorded = (have: Observed): Observed => ({
  ...have,
  parts: undefined,
  unrecordedNics: false,
  ...(have.cdroms && { cdroms: { ...have.cdroms, unrecorded: false } }),
  ownTags: [...have.ownTags, ...have.bestEffortWrites.flatMap(({ note = [] }) => note)],
});

function stepOf(step: Step, want: Desired, have: Observed): readonly string[] {
  const { presence, restart, disks } = have;
  const config = presence.kind === 'seen' ? presence.guest.config : {};
  if (step.do === 'configure') {
    const keys = want.exists ? writtenKeys(have) : step.change;
    return [`Change the configuration: ${keyChanges(keys, config, 'forth').join(', ')}.`];
  }
  if (step.do === 'recordDisks' || touches(step, 'disk'))
    return want.exists && disks ? diskChanges(want, disks) : [];
  if (step.do === 'recordRestart' && !restart?.note) return [];
  return [sentenceOf(infoOf(step).wouldDo(step))];
}

/** Of all writes of the configuration that would follow each other. */
const writtenKeys = ({ change, devices, bestEffortWrites }: Observed): Keys =>
  mergeKeys(
    change ?? NO_KEYS,
    ...[...(devices?.writes ?? []), ...bestEffortWrites].map(({ key, value }) =>
      value === undefined ? { set: {}, delete: [key] } : { set: { [key]: value }, delete: [] },
    ),
  );

const diskChanges = (want: Wanted, { entries, steps }: DiskWork): string[] => [
  ...newDisks(want)
    .filter(({ name }) => entries.some((entry) => entry.name === name && entry.volume === undefined))
    .map(({ sentence }) => sentence),
  ...steps
    .filter((step) => step.do !== 'attachDisk' || isAttachedAgain(step, entries))
    .map((step) =>
      step.do === 'attachDisk'
        ? `Attach disk ${step.name} as ${step.device}: ${step.text}.`
        : isDestroyedThen(step, entries)
          ? `Detach disk ${step.name}, and destroy it with its data, because its reclaimPolicy is Delete.`
          : sentenceOf(infoOf(step).wouldDo(step)),
    ),
];

const isDestroyedThen = (
  step: DiskWork['steps'][number],
  entries: DiskWork['entries'],
): step is Extract<typeof step, { do: 'detachDisk' }> =>
  step.do === 'detachDisk' &&
  entries.some(({ name, reclaimPolicy }) => name === step.name && reclaimPolicy === 'Delete');

const isAttachedAgain = ({ name }: { readonly name: string }, entries: DiskWork['entries']): boolean =>
  entries.some((entry) => entry.name === name && entry.volume !== undefined);

const newDisks = ({ disks = [] }: Wanted): readonly { readonly name: string; readonly sentence: string }[] =>
  disks.map(({ name, size, storage, importFrom }) => {
    const what = [
      ...(size === undefined ? [] : [formatQuantity(size)]),
      ...(storage === undefined ? [] : [`on storage ${storage}`]),
      ...(importFrom === undefined ? [] : [`imported from ${importFrom}`]),
    ].join(' ');
    return { name, sentence: `Add disk ${name}${what === '' ? '' : `: ${what}`}.` };
  });
