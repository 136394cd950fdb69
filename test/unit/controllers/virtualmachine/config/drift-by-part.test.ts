/** What waits for one part of the settings does not change what counts as drift for the others. */
import { describe, expect, test } from '@jest/globals';
import type { VirtualMachine } from '../../../../../src/api/index.ts';
import { PveError, type Send } from '../../../../../src/pve/index.ts';
import { bytes, GiB } from '../../../../../src/lib/units.ts';
import { aClass, UID } from '../../../../builders/objects.ts';
import { Life } from '../../../../builders/life.ts';

type Spec = Partial<VirtualMachine['spec']>;

const SPEC: Spec = {
  networks: [{ name: 'lan', bridge: 'vmbr0' }],
  disks: [{ name: 'root', size: bytes(10 * GiB) }],
};

/** PVE refuses every write of the key. */
const refusing =
  (key: string) =>
  (send: Send): Send =>
  (endpoint, params, ...rest) => {
    if (endpoint.method !== 'GET' && endpoint.path.endsWith('/config') && key in (params as object))
      throw new PveError({
        refusal: 'invalid',
        method: endpoint.method,
        route: endpoint.path,
        code: '400',
        message: `Proxmox VE answered: ${key} is not possible`,
        pveMessage: `${key} is not possible`,
        absent: undefined,
      });
    return send(endpoint, params, ...rest);
  };

interface Case {
  readonly edit: Spec;
  readonly refuses?: string;
  /** Keys of the guest that somebody else sets before the edit. */
  readonly config?: Readonly<Record<string, string>>;
}

const CASES: readonly (readonly [string, Case])[] = [
  [
    'a disk waits for the snapshots of the VM',
    { edit: { disks: [{ name: 'root', storageClass: 'ssd' }] }, config: { parent: 'before' } },
  ],
  ['a disk waits for its storage', { edit: { disks: [{ name: 'root', storageClass: 'nowhere' }] } }],
  [
    'a new disk waits for its storage',
    { edit: { disks: [{ name: 'data', size: bytes(GiB), storageClass: 'nowhere' }] } },
  ],
  [
    'Proxmox VE refuses an option of a drive',
    { edit: { disks: [{ name: 'root', cache: 'writeback' }] }, refuses: 'scsi0' },
  ],
  [
    'Proxmox VE refuses a network interface',
    { edit: { networks: [{ name: 'lan', bridge: 'vmbr1' }] }, refuses: 'net0' },
  ],
  ['a bridge is missing', { edit: { networks: [{ name: 'lan', bridge: 'vmbr9' }] } }],
  ['Proxmox VE refuses the tags', { edit: { tags: ['web'] }, refuses: 'tags' }],
  ['Proxmox VE refuses the startup order', { edit: { startup: { order: 3 } }, refuses: 'startup' }],
];

const guestIn = (life: Life) => life.pve.guestsOf(UID)[0]!;

/** As a person with the web interface would. */
function set(life: Life, config: Readonly<Record<string, string>>): void {
  const guest = guestIn(life);
  guest.config = { ...guest.config, ...config };
  guest.inForce = { ...guest.inForce, ...config };
  guest.digest += 1;
}

async function passes(life: Life, count = 12): Promise<void> {
  for (let n = 0; n < count; n += 1) await life.pass();
}

const syncedOf = ({ status }: Life) => status.conditions?.find(({ type }) => type === 'Synced');

async function waiting({ edit, refuses, config = {} }: Case, cpus = () => 2): Promise<Life> {
  const life = new Life({
    vm: { spec: SPEC },
    vmClass: () => aClass({ cpus: cpus(), maxCpus: 4 }),
    between: (ports) => ({
      ...ports,
      send: refuses === undefined ? ports.send : refusing(refuses)(ports.send),
    }),
  });
  await life.untilReady();
  set(life, config);
  life.store.editSpec(edit);
  await passes(life);
  return life;
}

describe.each(CASES)('while %s', (_why, reason) => {
  test('a change of the CPUs in Proxmox VE is reported and left alone, also by another process', async () => {
    const life = await waiting(reason);
    expect(syncedOf(life)?.status).toBe('False');
    for (const vcpus of ['1', '3']) {
      set(life, { vcpus });
      await passes(life);
      expect(guestIn(life).config['vcpus']).toBe(vcpus);
      expect(syncedOf(life)).toMatchObject({ status: 'False', reason: 'Drifted' });
      expect(syncedOf(life)?.message).toContain(`vcpus 2 → ${vcpus}`);
      life.restart();
    }
  });

  test('a change of the class is applied', async () => {
    let cpus = 2;
    const life = await waiting(reason, () => cpus);
    cpus = 3;
    life.store.annotate({});
    await passes(life);
    expect(guestIn(life).config['vcpus']).toBe('3');
  });
});

describe.each([
  ['a dry run', (life: Life) => life.store.annotate({ 'virtrigaud.io/dry-run': 'true' })],
  ['ObserveOnly', (life: Life) => life.store.editSpec({ managementPolicy: 'ObserveOnly' })],
])('after an edit that was only looked at with %s', (_what, begin) => {
  test('a change in Proxmox VE is still of others, and left alone', async () => {
    let cpus = 2;
    const life = new Life({ vm: { spec: SPEC }, vmClass: () => aClass({ cpus, maxCpus: 4 }) });
    await life.untilReady();
    set(life, { vcpus: '1' });
    for (const looked of [2, 3, 2]) {
      cpus = looked;
      begin(life);
      await passes(life);
    }
    life.store.annotate({});
    life.store.editSpec({ managementPolicy: 'Full' });
    await passes(life);
    expect(guestIn(life).config['vcpus']).toBe('1');
    expect(syncedOf(life)).toMatchObject({ status: 'False', reason: 'Drifted' });
  });
});
