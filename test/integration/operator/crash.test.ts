/** The operator is killed at any moment: what it had begun is found and finished, and nothing is done twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Random } from '../../fakepve/random.ts';
import {
  type OperatorPlane,
  operatorProcesses,
  type OperatorProcesses,
  sharedOperatorPlane,
} from '../harness/operator.ts';
import { changes, images, orphans, ownGuests, tasksDone } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { manifest, tenant, type Tenant, userData, vm } from './tenant.ts';

/** VIRTRIGAUD_KILLS=200 VIRTRIGAUD_SEED=any: as many as one likes, at other moments. */
const KILLS_WHILE_CREATING = Number(process.env['VIRTRIGAUD_KILLS'] ?? 14);
const KILLS_WHILE_CLONING = Math.ceil(KILLS_WHILE_CREATING * 0.25);
const KILLS_WHILE_DELETING = Math.ceil(KILLS_WHILE_CREATING * 0.4);
const SEED = process.env['VIRTRIGAUD_SEED'] ?? 'crash';
/** A kill takes a few seconds, and VMs that wait for certainty a minute. */
const LIMIT_MS = 600_000 + (KILLS_WHILE_CREATING - 14) * 20_000;
/** Most a round waits for its moment: what is left may be waiting itself, for certainty. */
const ROUND_MS = 5_000;
/** A VM of these tests takes five changes in Proxmox VE; a number below 1 means before the first. */
const MOMENTS = [0, 5] as const;

let plane: OperatorPlane;
let operators: OperatorProcesses;
const random = new Random(SEED);

beforeAll(async () => {
  plane = await sharedOperatorPlane(1);
  operators = await operatorProcesses(plane);
});
afterAll(async () => {
  await operators.endAll();
  await plane.stop();
});

/** Starts an operator, lets it make a random number of changes, and kills it a random moment later. */
async function runAndKill({ pve }: Tenant): Promise<void> {
  const asked = pve.requests.length;
  const before = changes(pve).length;
  const wanted = random.integer(...MOMENTS);
  const operator = spawn();
  const deadline = performance.now() + ROUND_MS;
  const isTime = () => (wanted === 0 ? pve.requests.length > asked : changes(pve).length >= before + wanted);
  while (!isTime() && performance.now() < deadline) await sleep(2);
  // An answer takes 20 ms on its way: some of these moments are before it arrives, some after its status write.
  await sleep(random.integer(0, 60));
  await operator.end('SIGKILL');
}

const labels = { app: 'crash' };
const spread = manifest('VMPlacementPolicy', 'spread', {
  topologySpread: [
    {
      maxSkew: 1,
      topologyKey: 'node',
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: labels },
    },
  ],
});

const spawn = () => operators.spawn('operator', ['--no-leader-elect']);

/** It is read by a worker thread, which the bundle has in a file of its own. */
const longUserData = { cloudInit: { inline: `${userData.cloudInit.inline}${'# a comment\n'.repeat(500)}` } };

test(
  'killed again and again, it makes one guest for each object and removes each',
  async () => {
    const t = await tenant(plane, { latency: { scale: 0.1, request: 200 } });
    const { pve } = t;
    const copies = Array.from({ length: KILLS_WHILE_CLONING }, (_, n) => `copy-${n}`);
    const names = Array.from({ length: KILLS_WHILE_CREATING }, (_, n) => `vm-${n}`);
    await t.apply(spread);
    for (const name of names) {
      const data = name === 'vm-0' ? longUserData : userData;
      const spec = {
        userData: data,
        disks: [{ name: 'root', size: '30Gi' }],
        placementRef: { name: 'spread' },
      };
      await t.apply(manifest('VirtualMachine', name, vm(name, spec).spec, { labels }));
      await runAndKill(t);
    }
    const creator = spawn();
    await t.ready(...names.map((name) => `vm/${name}`));

    const objects = await t.list('virtualmachines');
    const numbers = objects.map(({ metadata, status }) => [metadata.name, status.vmid]);
    expect(
      ownGuests(pve)
        .map((guest) => [guest.get('name'), guest.vmid])
        .toSorted(),
    ).toEqual(numbers.toSorted());
    expect(tasksDone(pve, 'qmclone')).toBe(names.length);
    // What was decided before a kill counts after it.
    const perNode = Map.groupBy(ownGuests(pve), ({ node }) => node);
    const counts = [...pve.state.nodes.keys()].map((node) => perNode.get(node)?.length ?? 0);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    await soon(() => expect(images(pve).map(({ volid }) => volid)).toEqual([]));
    expect(orphans(pve)).toEqual([]);

    await creator.end('SIGKILL');
    for (let kills = 0; kills < KILLS_WHILE_CLONING; kills += 1) {
      await t.apply(manifest('VMClone', `copy-${kills}`, { sourceVMRef: { name: 'vm-0' } }));
      await runAndKill(t);
    }
    const cloner = spawn();
    await t.ready(...copies.map((name) => `vmclone/${name}`));
    expect(
      ownGuests(pve)
        .map((guest) => guest.get('name'))
        .toSorted(),
    ).toEqual([...names, ...copies].toSorted());
    expect(tasksDone(pve, 'qmclone')).toBe(names.length + copies.length);

    await cloner.end('SIGKILL');
    await t.requestDeletionOfVms();
    for (let kills = 0; kills < KILLS_WHILE_DELETING; kills += 1) await runAndKill(t);
    spawn();
    await t.vmsGone();
    expect(ownGuests(pve)).toEqual([]);
    expect(images(pve)).toEqual([]);
    expect(orphans(pve)).toEqual([]);
    expect(await operators.log('operator')).not.toContain('"level":"error"');
  },
  LIMIT_MS,
);
