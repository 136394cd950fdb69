/** VMs that are clones of other VMs, as Proxmox VE has them: what they wait for, and what they are not given. */
import { describe, expect, test } from '@jest/globals';
import { parseProperties, property } from '../../../../src/pve/index.ts';
import { bytes, GiB } from '../../../../src/lib/units.ts';
import type { VirtualMachine } from '../../../../src/api/index.ts';
import { CopyLife, type CopyOptions } from '../../../builders/copy-life.ts';
import { aSource, SNAPNAME, SOURCE_UID, SOURCE_VMID } from '../../../builders/clone-sources.ts';
import { UID } from '../../../builders/objects.ts';

type Spec = Partial<VirtualMachine['spec']>;

const OF_VM = { cloneFrom: { vmRef: { name: 'db' } } } as const;
const OF_SNAPSHOT = { cloneFrom: { snapshotRef: { name: 'before-upgrade' } } } as const;

const copyOf = (spec: Spec, options: Omit<CopyOptions, 'vm'> = {}): CopyLife =>
  new CopyLife({ ...options, vm: { spec } });

const configOf = (life: CopyLife): Readonly<Record<string, string>> =>
  Object.fromEntries(life.guest?.config ?? []);

describe('a copy', () => {
  test('has nothing of the identity of its source', async () => {
    const life = copyOf(OF_VM, {
      config: {
        ...{ hookscript: 'local:snippets/db.pl', cicustom: 'user=local:snippets/db.yaml' },
        ...{ ciuser: 'admin', ide2: 'disks:cloudinit' },
      },
    });
    const source = new Map(life.source?.config);
    await life.untilReady();
    const own = configOf(life);
    expect(own['name']).toBe('web');
    expect(own['description']).toContain(UID);
    expect(own['description']).not.toContain(SOURCE_UID);
    expect(own['smbios1']).toContain(UID);
    expect(own['ipconfig0']).toBe('ip=dhcp');
    expect(own['vmgenid']).not.toBe(source.get('vmgenid'));
    expect(property(parseProperties(own['net0'] ?? ''), 'virtio')).not.toBe('02:00:00:00:00:10');
    for (const key of ['tags', 'onboot', 'protection', 'cicustom', 'parent'])
      expect(own).not.toHaveProperty(key);
    expect(new Map(life.source?.config)).toEqual(source);
    const [copied] = life.process.events.filter(({ reason }) => reason === 'GuestCopied');
    expect(copied?.message).toContain('only root@pam may remove: qm set 100 --delete hookscript');
  });

  test('is given data of its own where the system of its source has read an image', async () => {
    const life = copyOf(OF_VM, {
      config: { ide2: 'none,media=cdrom' },
    });
    await life.untilReady();
    expect(configOf(life)['ide2']).toContain('cloudinit');
    expect(configOf(life)['ipconfig0']).toBe('ip=dhcp');
  });

  test.each(['Report', 'Revert'] as const)(
    'leaves addresses of its source that nothing reads alone, with driftPolicy %s',
    async (driftPolicy) => {
      const life = copyOf({ ...OF_VM, driftPolicy });
      await life.untilReady();
      const writes = (): number =>
        life.pve.requests.filter((request) => /^(POST|PUT) .*\/config$/.test(request)).length;
      const before = writes();
      await life.passes(20);
      const own = configOf(life);
      // Without a drive with cloud-init data no system reads it.
      expect(own['ipconfig0']).toBe('ip=192.0.2.10/24,gw=192.0.2.1');
      expect(Object.values(own).some((value) => value.includes('cloudinit'))).toBe(false);
      expect(life.status.conditions).toContainEqual(
        expect.objectContaining({ type: 'Synced', status: 'True', reason: 'InSync' }),
      );
      expect(life.status.conditions?.map(({ type }) => type)).not.toContain('FieldsIgnored');
      expect(before).toBeGreaterThan(0);
      expect(writes()).toBe(before);
    },
  );

  test('has the copied disk under its name, also where no serial number says which it is', async () => {
    const disks = [{ name: 'data', size: bytes(5 * GiB) }];
    const source = aSource();
    const life = copyOf(
      { ...OF_VM, disks },
      {
        config: { scsi1: 'disks:5' },
        source: () => ({
          ...source,
          status: {
            ...source.status,
            disks: [{ name: 'data', device: 'scsi1', volume: 'disks:vm-200-disk-1' }],
          },
        }),
      },
    );
    expect(life.source?.config.get('scsi1')).toContain('vm-200-disk-1');
    await life.untilReady();
    const drives = Object.keys(configOf(life)).filter((key) => /^(scsi|unused)\d+$/.test(key));
    expect(drives).toEqual(['scsi0', 'scsi1']);
    expect(life.status.disks?.map(({ name, device }) => [name, device])).toEqual([
      ['root', 'scsi0'],
      ['data', 'scsi1'],
    ]);
  });

  test('whose spec has a smaller disk is made, and says so', async () => {
    const life = copyOf({ ...OF_VM, disks: [{ name: 'root', size: bytes(GiB) }] });
    await life.untilReady();
    expect(life.status.conditions).toContainEqual(
      expect.objectContaining({ type: 'Synced', status: 'False', reason: 'Different' }),
    );
    expect(configOf(life)['scsi0']).toContain('size=10G');
  });

  test('is announced with what its disks keep', async () => {
    const life = copyOf(OF_VM, { running: true });
    await life.untilReady();
    const copied = life.process.events.filter(({ reason }) => reason === 'GuestCopied');
    expect(copied).toHaveLength(1);
    expect(copied[0]?.message).toContain('as after a power failure');
    expect(copied[0]?.message).not.toContain('hook script');
    expect(copied[0]?.message).toContain('ssh_deletekeys: true');
  });

  test('needs its source no more once it exists', async () => {
    let source: VirtualMachine | undefined = aSource();
    const life = copyOf(OF_VM, { source: () => source ?? aSource({ metadata: { name: 'other' } }) });
    await life.until(() => life.clones === 1);
    source = undefined;
    await life.untilReady();
    await life.passes(3);
    expect(life.ready).toMatchObject({ status: 'True' });
    expect(life.clones).toBe(1);
  });

  test('is found again after its status was lost, although its source is gone', async () => {
    let source = aSource();
    const life = copyOf(OF_VM, { source: () => source });
    await life.untilReady();
    const { vmid } = life.status;
    source = aSource({ metadata: { name: 'other' } });
    life.vm.loseStatus();
    await life.untilReady();
    expect(life.status.vmid).toBe(vmid);
    expect(life.clones).toBe(1);
  });

  test('has what the snapshot has, although the VM has another disk now', async () => {
    const life = copyOf(OF_SNAPSHOT, { storage: 'rbd', snapshot: true, config: { scsi1: 'disks:5' } });
    await life.takeSnapshot();
    life.source?.config.set('memory', '4096');
    life.source?.config.delete('scsi1');
    life.source?.written();
    await life.untilReady();
    expect(configOf(life)).toHaveProperty('scsi1');
    expect(life.status.cloneType).toBe('Linked');
  });
});

describe('a copy waits, and asks Proxmox VE for no clone,', () => {
  async function waiting(life: CopyLife): Promise<string | undefined> {
    await life.passes(6);
    expect(life.clones).toBe(0);
    expect(life.status.vmid).toBeUndefined();
    return life.ready?.reason;
  }

  test('while the guest is not proven to be that of its source', async () => {
    const life = copyOf(OF_VM, { config: { smbios1: `uuid=${UID}` } });
    expect(await waiting(life)).toBe('SourceNotAllowed');
    life.source?.config.set('smbios1', `uuid=${SOURCE_UID}`);
    life.source?.written();
    await life.untilReady();
  });

  test('while Proxmox VE holds a lock on its source', async () => {
    const life = copyOf(OF_VM);
    life.source?.config.set('lock', 'backup');
    life.source?.written();
    expect(await waiting(life)).toBe('SourceBusy');
    expect(life.ready?.message).toContain('"backup"');
    life.source?.config.delete('lock');
    life.source?.written();
    await life.untilReady();
  });

  test('while its source has no VM', async () => {
    let source = aSource();
    const { vmid: _vmid, name: _name, ...status } = source.status ?? {};
    source = { ...source, status };
    const life = copyOf(OF_VM, { source: () => source });
    expect(await waiting(life)).toBe('SourceNotReady');
    source = aSource();
    await life.untilReady();
  });

  test('of a VM that runs with a TPM, until it is off', async () => {
    const life = copyOf(OF_VM, { running: true, config: { tpmstate0: 'disks:1,version=v2.0' } });
    expect(await waiting(life)).toBe('CloneNotPossible');
    life.pve.outside.stop(SOURCE_VMID);
    await life.untilReady();
    expect(configOf(life)['tpmstate0']).toContain('version=v2.0');
  });

  test('of a snapshot that is not the one of its VMSnapshot', async () => {
    const life = copyOf(OF_SNAPSHOT, { snapshot: true });
    await life.takeSnapshot();
    life.source?.snapshots.get(SNAPNAME)?.config.set('description', 'taken by hand');
    expect(await waiting(life)).toBe('SnapshotMissing');
  });

  test('of a snapshot that is gone', async () => {
    expect(await waiting(copyOf(OF_SNAPSHOT, { snapshot: true }))).toBe('SnapshotMissing');
  });

  test('and is deleted without a trace where its source never comes', async () => {
    const life = copyOf({ cloneFrom: { vmRef: { name: 'bd' } } });
    expect(await waiting(life)).toBe('VMNotFound');
    life.vm.markDeleted();
    await life.until(() => life.vm.live() === undefined);
    expect([...life.pve.world.guests.keys()]).toEqual([SOURCE_VMID]);
  });

  test('of a source that does not exist, and is made once the reference is corrected', async () => {
    const life = copyOf({ cloneFrom: { vmRef: { name: 'bd' } } });
    expect(await waiting(life)).toBe('VMNotFound');
    life.vm.editSpec(OF_VM);
    await life.untilReady();
  });
});
