import { checkLock, holding } from './call.ts';
import { failure, paramError } from './errors.ts';
import { isCdrom, isCloudInit, isDrive, isUnused, parseDrive, printBootOrder } from './drives.ts';
import { realize } from './disks.ts';
import { memoryMiB } from './guest.ts';
import { hotplug } from './hotplug.ts';
import {
  checkBridges,
  checkDriveRight,
  checkDrives,
  checkHostDevices,
  checkImportForm,
  checkOptionRights,
  checkSerialRight,
} from './option-rights.ts';
import { checkSshKeys, guestSettings, normalOption } from './options.ts';
import {
  applyPending,
  destroyVolume,
  dropIdlePending,
  inSnapshot,
  keepUnused,
  plannedBootOrder,
} from './pending.ts';
import { splitList } from './schema/formats.ts';
import { guestOptions } from './schema/schema.ts';
import { endpointIn } from './schema/versions.ts';
import { checkTagRights } from './tag-rights.ts';
import type { Call } from './call.ts';
import type { Guest } from './guest.ts';
import type { TaskRun } from './tasks.ts';

interface Update {
  readonly settings: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
  readonly revert: readonly string[];
  readonly force: boolean;
  readonly log: string;
}

/** As PVE of the guest's node knows it. */
const optionExists = ({ world, node }: Call, option: string): boolean => {
  const options = endpointIn('PUT /nodes/{node}/qemu/{vmid}/config', world.release(node))?.params ?? {};
  return (option in options && option in guestOptions) || option === 'vmstate';
};

function readRevert(call: Call, settings: Update['settings']): readonly string[] {
  const revert = splitList(call.get('revert') ?? '');
  for (const option of revert) {
    if (!optionExists(call, option)) throw paramError({ revert: `unknown option '${option}'` });
    if (settings[option] !== undefined)
      throw paramError({ delete: `you can't use '-${option}' and -revert ${option}' at the same time` });
  }
  return revert;
}

function readDelete(call: Call, settings: Update['settings'], revert: readonly string[]): readonly string[] {
  const remove = splitList(call.get('delete') ?? '').map((option) => (option === 'cdrom' ? 'ide2' : option));
  for (const option of remove) {
    if (settings[option] !== undefined)
      throw paramError({ delete: `you can't use '-${option}' and -delete ${option}' at the same time` });
    if (revert.includes(option))
      throw paramError({
        revert: `you can't use '-delete ${option}' and -revert ${option}' at the same time`,
      });
    if (!optionExists(call, option)) throw paramError({ delete: `unknown option '${option}'` });
  }
  return remove;
}

/** `-cores 2 -name x`, as the task log shows the request. */
function described(call: Call): string {
  const hidden = new Set(['node', 'vmid', 'digest', 'background_delay', 'skip_cloud_init']);
  return Object.keys(call.params)
    .filter((key) => !hidden.has(key))
    .sort()
    .map((key) => `-${key} ${key === 'cipassword' ? '<hidden>' : (call.get(key) ?? '')}`)
    .join(' ');
}

function readUpdate(call: Call): Update {
  call.refuseSkiplock();
  const settings = guestSettings(call.params);
  if (settings['sshkeys'] !== undefined) checkSshKeys(settings['sshkeys']);
  if (
    Object.keys(settings).length === 0 &&
    call.get('delete') === undefined &&
    call.get('revert') === undefined
  )
    throw failure('no options specified');
  const revert = readRevert(call, settings);
  const remove = readDelete(call, settings, revert);
  return { settings, remove, revert, force: call.flag('force') ?? false, log: described(call) };
}

function checkHookscript(call: Call, settings: Update['settings']): void {
  const volid = settings['hookscript'];
  if (volid === undefined) return;
  if (!call.world.storage.find(volid, call.node))
    throw paramError({ hookscript: `script '${volid}' does not exist\n` });
}

function checkRights(call: Call, { settings, remove }: Update): void {
  const { vmid } = call;
  checkOptionRights(call, vmid, remove);
  checkOptionRights(call, vmid, Object.keys(settings));
  checkDrives(call, vmid, settings);
  checkBridges(call, settings);
  checkHostDevices(call, vmid, settings);
}

/** The privileges that depend on the current configuration. */
function checkRemoval(call: Call, guest: Guest, key: string): void {
  const value = guest.pending.get(key) ?? guest.get(key);
  if (value === undefined) return;
  if (isUnused(key)) call.need(`/vms/${guest.vmid}`, 'VM.Config.Disk');
  else if (isDrive(key)) checkDriveRight(call, guest.vmid, key, value);
  else if (key === 'tags') checkTagRights(call, guest.vmid, value, '');
  else checkOption(call, guest, key, value);
}

function checkOption(call: Call, guest: Guest, key: string, value: string): void {
  if (key === 'tags') checkTagRights(call, guest.vmid, guest.get('tags'), value);
  else if (/^serial\d+$/.test(key)) checkSerialRight(call, guest.vmid, { [key]: value }, 'modify');
  else if (/^net\d+$/.test(key)) checkBridges(call, { [key]: value });
}

/** The privileges that depend on the current configuration: both the old and the new value are checked. */
function checkGuestRights(call: Call, guest: Guest, { settings, remove }: Update): void {
  for (const key of remove) checkRemoval(call, guest, key);
  for (const [key, value] of Object.entries(settings)) {
    const old = guest.get(key);
    if (isDrive(key)) {
      if (old !== undefined) checkDriveRight(call, guest.vmid, key, old);
      checkDriveRight(call, guest.vmid, key, value);
    } else {
      checkOption(call, guest, key, key === 'tags' ? value : (old ?? value));
    }
  }
  checkSerialRight(call, guest.vmid, settings, 'modify');
}

function checkBalloon(guest: Guest, settings: Update['settings']): void {
  const balloon = Number(settings['balloon'] ?? guest.pending.get('balloon') ?? guest.get('balloon') ?? 0);
  const memory = settings['memory'] ?? guest.pending.get('memory') ?? guest.get('memory');
  if (settings['balloon'] === undefined && settings['memory'] === undefined) return;
  const most = memoryMiB(new Map(memory === undefined ? [] : [['memory', memory]]));
  if (balloon > most) throw failure('balloon value too large (must be smaller than assigned memory)');
}

function checkProtection(guest: Guest, what: string): void {
  if (guest.is('protection')) throw failure(`can't remove ${what} - protection mode enabled`);
}

/** Drops the pending value of this option; its volume stays as unused. */
function dropPending(guest: Guest, key: string): void {
  const value = guest.pending.get(key);
  if (value !== undefined && isDrive(key)) keepUnused(guest, parseDrive(key, value));
  guest.pending.delete(key);
}

function planDelete(call: Call, guest: Guest, key: string, force: boolean): void {
  const value = guest.get(key) ?? guest.pending.get(key);
  if (value === undefined) return;
  if (isUnused(key)) {
    checkProtection(guest, `unused disk '${value}'`);
    if (inSnapshot(guest, value))
      throw failure(`unable to delete '${value}' - volume is still in use (snapshot?)`);
    destroyVolume(call.world, guest, value);
    guest.config.delete(key);
    return;
  }
  const order = plannedBootOrder(guest);
  if (isDrive(key)) checkProtection(guest, `drive '${key}'`);
  dropPending(guest, key);
  if (guest.config.has(key)) guest.pendingDelete.set(key, force);
  if (order.includes(key) && guest.config.has(key)) {
    const rest = order.filter((device) => device !== key);
    guest.pending.set('boot', printBootOrder(rest));
  }
}

function checkBootOrder(guest: Guest, settings: Update['settings'], remove: readonly string[]): void {
  const order = /(?:^|,)order=([^,]*)/.exec(settings['boot'] ?? '')?.[1] ?? '';
  for (const device of order.split(';').filter((key) => key !== '')) {
    const exists = guest.config.has(device) || guest.pending.has(device) || settings[device] !== undefined;
    if (!exists || remove.includes(device))
      throw failure(`invalid bootorder: device '${device}' does not exist'`);
  }
}

/** A new CD drive is bootable as well. */
function bootFromToo(guest: Guest, key: string, value: string): void {
  const order = plannedBootOrder(guest);
  if (order.length === 0 || order.includes(key) || !isCdrom(parseDrive(key, value))) return;
  guest.pending.set('boot', `order=${[...order, key].join(';')}`);
}

function planSetting(
  call: Call,
  guest: Guest,
  key: string,
  value: string,
  log: (line: string) => void,
): void {
  const { world } = call;
  if (guest.pending.get(key) === value) return;
  if (isDrive(key)) {
    dropPending(guest, key);
    const context = { world, node: guest.node, vmid: guest.vmid, log };
    const made = realize(context, key, value, new Map([...guest.config, ...guest.pending]));
    guest.pending.set(key, made);
    if (!isCloudInit(parseDrive(key, made))) bootFromToo(guest, key, made);
  } else {
    guest.pending.set(key, normalOption(world, key, value));
  }
  guest.pendingDelete.delete(key);
}

function revertPending(guest: Guest, keys: readonly string[]): void {
  for (const key of keys) {
    dropPending(guest, key);
    guest.pendingDelete.delete(key);
  }
}

function checkMachine(guest: Guest, { machine }: Update['settings']): void {
  if (machine === undefined || !/viommu=intel/.test(machine) || /q35/.test(machine)) return;
  throw failure('to use Intel vIOMMU please set the machine type to q35');
}

const PINNED: Readonly<Record<string, string>> = { pc: 'pc-i440fx-10.1', q35: 'pc-q35-10.1' };

/** Windows would find other hardware with another version of the machine. */
function pinMachine(guest: Guest, { ostype }: Update['settings']): void {
  const pinned = PINNED[guest.pending.get('machine') ?? guest.get('machine') ?? ''];
  if (pinned !== undefined && /^(?:w|win)/.test(ostype ?? '')) guest.pending.set('machine', pinned);
}

/** New disks are made before the configuration is written, and stay behind. */
function refuseWrite(call: Call, guest: Guest, { settings }: Update, log: (line: string) => void): void {
  const context = { world: call.world, node: guest.node, vmid: guest.vmid, log };
  for (const [key, value] of Object.entries(settings).sort())
    if (isDrive(key)) realize(context, key, value, guest.config);
  call.world.requireWritable(guest);
}

async function carryOut(
  call: Call,
  guest: Guest,
  update: Update,
  log: (line: string) => void,
): Promise<void> {
  const { world } = call;
  const changed = new Set([...update.remove, ...Object.keys(update.settings), 'boot']);
  checkMachine(guest, update.settings);
  if (!world.quorate) refuseWrite(call, guest, update, log);
  revertPending(guest, update.revert);
  for (const key of update.remove) planDelete(call, guest, key, update.force);
  checkBootOrder(guest, update.settings, update.remove);
  for (const [key, value] of Object.entries(update.settings).sort())
    planSetting(call, guest, key, value, log);
  pinMachine(guest, update.settings);
  dropIdlePending(guest);
  guest.written();
  if (guest.pending.size === 0 && guest.pendingDelete.size === 0) return;
  if (!guest.running) {
    applyPending(world, guest);
    return;
  }
  const errors = await hotplug(world, guest, changed);
  if (Object.keys(errors).length > 0) throw paramError(errors);
}

function checkAll(call: Call): Update {
  const update = readUpdate(call);
  checkHookscript(call, update.settings);
  checkRights(call, update);
  checkImportForm(update.settings);
  return update;
}

function checkGuest(call: Call, guest: Guest, update: Update): void {
  const digest = call.get('digest');
  if (digest !== undefined && digest !== guest.digest)
    throw failure('checksum mismatch (file change by other user?)');
  if (call.flag('skiplock') !== true) checkLock(guest);
  checkBalloon(guest, update.settings);
}

const lockOptions = (call: Call) => ({ timeoutMs: call.world.wait(call.world.latency.lockTimeout) });

/** PUT config: synchronous. */
export async function updateNow(call: Call): Promise<null> {
  const update = checkAll(call);
  checkGuest(call, call.guest, update);
  await call.world.locks.hold(
    call.vmid,
    async () => {
      const { guest } = call;
      checkGuest(call, guest, update);
      checkGuestRights(call, guest, update);
      await carryOut(call, guest, update, () => undefined);
    },
    lockOptions(call),
  );
  return null;
}

/** POST config: a task, or null if it ended within `background_delay`. */
export async function updateInTask(call: Call): Promise<string | null> {
  const { world } = call;
  const update = checkAll(call);
  checkGuest(call, call.guest, update);
  const { vmid, guest } = call;
  const task = call.startTask('qmconfig', vmid, (run: TaskRun) =>
    holding(world, vmid, run, async () => {
      run.log(`update VM ${vmid}: ${update.log}`);
      await run.sleep(world.latency.qmconfig);
      checkGuest(call, guest, update);
      checkGuestRights(call, guest, update);
      await carryOut(call, guest, update, run.log);
    }),
  );
  const delay = call.int('background_delay');
  if (delay === undefined) return task.upid;
  await Promise.race([world.tasks.ended(task.upid), world.clock.sleep(delay * 1000)]);
  if (task.exitstatus === undefined) return task.upid;
  if (task.exitstatus === 'OK' || task.exitstatus.startsWith('WARNINGS')) return null;
  throw failure(`failed to update VM ${vmid}: ${task.exitstatus}`);
}

/** PUT unlink: removes drives, and with force also their volumes. */
export async function unlink(call: Call): Promise<null> {
  const { guest } = call;
  checkLock(guest);
  const keys = splitList(call.text('idlist')).filter((key) => isDrive(key) || isUnused(key));
  const update = { settings: {}, remove: keys, revert: [], force: call.flag('force') ?? false, log: '' };
  checkGuestRights(call, guest, update);
  await carryOut(call, guest, update, () => undefined);
  return null;
}
