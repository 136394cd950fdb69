/** Everything the report needs to know, gathered after a step: names of NICs, addresses, what differs and what has no effect. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { CallOptions } from '../../../src/pve/index.ts';
import { sharedAddress } from '../networks/addresses-in-use.ts';
import { readAddresses } from '../guest-agent/ask.ts';
import { cloudInitDifferences } from '../cloud-init/differences.ts';
import { templateOptions } from '../cloud-init/status.ts';
import { firmwareDifferences } from '../config/firmware.ts';
import { memoryBeyondNode } from '../config/hardware.ts';
import { hardwareIgnored } from '../config/hardware-options.ts';
import { nameDifferences } from '../config/options.ts';
import { isNew } from '../config/is-new.ts';
import { unsupportedSentences } from '../config/versions.ts';
import { lostSentences } from '../config/template-options.ts';
import { dryRunPlan } from './dry-run.ts';
import { surplusNics } from '../networks/devices.ts';
import { namedNics } from '../networks/named-nics.ts';
import { printFree, printNeeded } from '../../shared/placement/room.ts';
import { rootDiskOf } from '../../shared/guests/disks.ts';
import type { Guest } from '../../shared/guests/model.ts';
import type { Observed } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import type { Desired } from '../model/desired.ts';
import { isDone } from '../plan/plan.ts';
import { haErrorOf } from '../plan/rules/ha.ts';
import type { Facts, Started } from '../model/facts.ts';
import type { ResolvedSpec } from '../model/resolved-spec.ts';
import type { Surroundings } from '../model/surroundings.ts';
import type { CloudInitPlan } from '../model/cloud-init.ts';

export interface Gathered {
  readonly want: Desired;
  readonly have: Observed;
  readonly plan: Plan;
  readonly started: Started | undefined;
  readonly cloudInit: CloudInitPlan | undefined;
  /** The guest was just started. */
  readonly boots: boolean;
  readonly surroundings?: Surroundings | undefined;
}

export async function factsOf(
  vm: VirtualMachine,
  resolved: ResolvedSpec,
  gathered: Gathered,
  options: CallOptions,
): Promise<Facts> {
  const { want, have, plan, started, cloudInit, boots } = gathered;
  const guest = have.presence.kind === 'seen' ? have.presence.guest : undefined;
  const nics = guest ? namedNics(vm, want, guest) : [];
  // Only once settled: until then, every request would delay the remaining steps.
  const answer =
    isDone(plan) && !boots
      ? await readAddresses(resolved, { have, nics }, options)
      : { agent: 'notAsked' as const, addresses: undefined };
  return {
    want: withoutTexts(want),
    have,
    plan,
    started,
    nics,
    ...answer,
    cloudInit: cloudInit && withoutBytes(cloudInit),
    differences:
      guest && want.exists
        ? [
            ...(isNew(vm, guest)
              ? []
              : [
                  ...firmwareDifferences(want, guest.config),
                  ...cloudInitDifferences(want, guest, cloudInit),
                  ...nameDifferences(want, guest.config),
                ]),
            ...surplusNics(vm, want, guest),
            ...observedDifferences(have),
            ...inNoPool(vm, guest, gathered.surroundings),
            ...around(resolved, guest, gathered.surroundings),
            ...tooLarge(want, guest, gathered.surroundings),
          ]
        : [],
    notGranted: resolved.notGranted,
    ...(resolved.preserved === true && { preserved: true }),
    origin: resolved.origin,
    ignored: [
      ...resolved.ignored,
      ...lostOptions(vm, guest, cloudInit),
      ...unsupported(want, guest, gathered.surroundings),
    ],
    ...(resolved.dryRun && { dryRun: dryRunPlan(want, have) }),
    consoleURL: guest && consoleUrl(resolved.connection.origin, guest),
  };
}

/** Those of a settled guest are kept, and its cloud-init data may be large and secret. */
const withoutTexts = (want: Desired): Desired => (want.exists ? { ...want, cloudInit: undefined } : want);

/** What the version of PVE on the guest's node does not have, or the guest cannot have. */
const unsupported = (
  want: Desired,
  guest: Guest | undefined,
  surroundings: Surroundings | undefined,
): readonly string[] =>
  guest && want.exists
    ? [...unsupportedSentences(want, guest, surroundings?.release), ...hardwareIgnored(want, guest.config)]
    : [];

/** Options of the template that the guest could not keep. */
const lostOptions = (
  vm: VirtualMachine,
  guest: Guest | undefined,
  cloudInit: CloudInitPlan | undefined,
): readonly string[] => lostSentences(templateOptions(vm, cloudInit, guest).template?.dropped ?? []);

const observedDifferences = ({
  disks,
  cdroms,
  devices,
  nicsNotApplied,
  relocation,
  notApplied,
}: Observed): readonly string[] => [
  ...(nicsNotApplied ?? []),
  ...(disks?.differences ?? []),
  ...(cdroms?.differences ?? []),
  ...(devices?.refused ?? []),
  ...(relocation?.blocked === undefined ? [] : [relocation.blocked]),
  ...notApplied,
];

/** Differences with a cause outside the guest. */
const around = (resolved: ResolvedSpec, guest: Guest, surroundings: Surroundings | undefined): string[] => [
  ...misplaced(resolved, surroundings),
  ...elsewhere(resolved, guest),
  ...(resolved.conflict ? [sharedAddress(resolved.conflict)] : []),
  ...(guest.ha.state === 'error' ? [haErrorOf(guest)] : []),
];

const misplaced = ({ pool }: ResolvedSpec, surroundings: Surroundings | undefined): string[] => {
  const is = surroundings?.row?.pool;
  return [
    ...(pool !== undefined && is !== undefined && is !== pool
      ? [`The VM is in pool ${is}, ${pool} is asked for: a VM that exists is not moved to another pool.`]
      : []),
  ];
};

/** Only new VMs are added to a pool. While PVE clones a guest, it is in none yet. */
function inNoPool(
  { spec: { placement } }: VirtualMachine,
  { vmid }: Guest,
  surroundings: Surroundings | undefined,
): string[] {
  const row = surroundings?.row;
  const pool = placement?.pool;
  if (pool === undefined || !row || row.pool !== undefined || row.lock !== undefined) return [];
  return [
    `The VM is in no pool, but the spec says ${pool}: a VM that exists is not added to a pool. Run on a node: pveum pool modify ${pool} --vms ${vmid}`,
  ];
}

/** The storage of the spec is applied to existing disks; that of the class or the Provider only to new ones. */
function elsewhere({ storage, shape }: ResolvedSpec, { config }: Guest): string[] {
  const now = rootDiskOf(config)?.storage;
  if (shape?.root?.storageClass !== undefined || storage === undefined || now === undefined) return [];
  return now === storage
    ? []
    : [
        `The root disk is on storage ${now}, ${storage} is what class or Provider say for new disks. To move it, name the storage in storageClass of the disk root.`,
      ];
}

const tooLarge = (want: Desired, guest: Guest, surroundings: Surroundings | undefined): string[] => {
  if (!want.exists || !surroundings) return [];
  const { nodeCpus, nodeMemory = 0 } = surroundings.cpus;
  const memory = memoryBeyondNode(want, guest, surroundings.cpus);
  return [
    ...(want.cpus > nodeCpus
      ? [
          `The class asks for ${want.cpus} CPUs, node ${guest.node} has ${nodeCpus}: the VM keeps what it has.`,
        ]
      : []),
    ...(memory === undefined
      ? []
      : [
          `The class asks for ${printNeeded(memory)} of memory, node ${guest.node} has ${printFree(nodeMemory)}: the VM keeps what it has.`,
        ]),
  ];
};

/** PVE's own console page, which asks for a login. */
const consoleUrl = (
  origin: string,
  {
    vmid,
    node,
    config,
  }: { readonly vmid: number; readonly node: string; readonly config: Readonly<Record<string, string>> },
): string =>
  `${origin}/?${new URLSearchParams({ console: 'kvm', novnc: '1', vmid: String(vmid), vmname: config['name'] ?? '', node, resize: 'off' }).toString()}`;

/** What is kept for a settled guest should not hold its image in memory. */
const withoutBytes = ({ build: _bytes, ...plan }: CloudInitPlan): Facts['cloudInit'] => plan;
