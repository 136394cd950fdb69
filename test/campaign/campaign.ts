/**
 * `make campaign`: rounds of random changes to every field of every kind, made in bursts through a real API server
 * against the bundle of the operator and the fake Proxmox VE. After each round the world is judged by what a user was
 * promised. At its end everything goes back to where it began, must recover, be silent, and go away.
 */
import { randomInt } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readArguments } from '../../hack/arguments.ts';
import { startCast, type Cast } from '../../hack/demo/cast.ts';
import { Random } from '../fakepve/random.ts';
import { act } from './act.ts';
import { drawAction, sentence } from './edits.ts';
import { History } from './history.ts';
import { incidentsOf, type Incidents } from './incidents.ts';
import { baseObjects, vm, yaml } from './objects.ts';
import { unexplained, voiceless } from './oracles/explained.ts';
import { brokenIdentities, orphanedVolumes } from './oracles/identity.ts';
import { uninvitedStops } from './oracles/stops.ts';
import { settle, type Settled } from './settling.ts';
import { conditionOf, eyesOn, KINDS, ownerOf, type Eyes, type World } from './world.ts';

const usage = `Usage: make campaign ARGS='[options]'
  --seed TEXT     repeats the changes of a run (a new one)
  --rounds N      rounds of changes (10)
  --changes N     changes in a round (12)
  --vms N         VMs at the beginning (4)
  --incidents     kills, stops and faults as well, and changes that somebody makes in Proxmox VE (make chaos)
  --dump FOLDER   writes the world there as it was when a promise was broken
  --requests FILE log every request to Proxmox VE to this file
The verdict is the last line; the exit code is 1 if a promise was broken.`;
const values = readArguments(usage, {
  seed: { type: 'string', default: String(randomInt(1_000_000)) },
  rounds: { type: 'string', default: '10' },
  changes: { type: 'string', default: '12' },
  vms: { type: 'string', default: '4' },
  incidents: { type: 'boolean', default: false },
  dump: { type: 'string' },
  requests: { type: 'string' },
});

const SETTLED_WITHIN_MS = 180_000;
const SILENT_FOR_MS = 20_000;
const random = new Random(values.seed);
const vms = Array.from({ length: Number(values.vms) }, (_, n) => `vm-${n + 1}`);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const broken: string[] = [];
const history = new History();
let serial = 0;

function judge(round: string, sentences: readonly string[]): void {
  for (const each of new Set(sentences)) {
    broken.push(`${round}: ${each}`);
    say(`  BROKEN  ${each}`);
  }
}

async function applyBase({ plane, fake }: Cast): Promise<void> {
  const token = {
    id: 'virtrigaud@pve!vrtg-token',
    secret: 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx',
    ca: fake.ca,
  };
  const objects = [...baseObjects(`${fake.url}/api2`, token), ...vms.map(vm)];
  for (const each of objects) {
    // The whole spec, so that no field is left from an edit. `kubectl replace` would also take the finalizers away.
    const body = JSON.stringify([{ op: 'replace', path: '/spec', value: each.spec }]);
    const patched = await plane.kubectl(['patch', each.kind, each.metadata.name, '--type=json', '-p', body]);
    if (each.spec && patched.code === 0) continue;
    const created = await plane.kubectl(['create', '-f', '-'], { input: yaml([each]) });
    if (created.code !== 0 && !created.stderr.includes('AlreadyExists'))
      throw new Error(`${each.kind} ${each.metadata.name}: ${patched.stderr}${created.stderr}`);
  }
}

async function change(cast: Cast, eyes: Eyes, incidents: Incidents): Promise<void> {
  for (let n = 0; n < Number(values.changes); n += 1) {
    const objects = await eyes.objects();
    const action = drawAction(random, objects, (serial += 1));
    if (!action) continue;
    history.note(action, objects, sentence(action));
    history.seeGuests(await eyes.pve(), objects);
    const { code, stderr } = await act(cast.plane, action);
    say(`  ${sentence(action)}${code === 0 ? '' : `  (refused: ${stderr.trim().split('\n')[0] ?? ''})`}`);
    if (values.incidents && random.integer(1, 3) === 1)
      say(`  !! ${await incidents.happen(random, (await eyes.pve()).guests)}`);
    if (random.integer(1, 3) === 1) await sleep(random.integer(0, 3000));
  }
}

/** What must be true at any moment, and what must be true once nothing moves. */
function check(round: string, { world, restless }: Settled): void {
  history.see(world.objects);
  history.seeGuests(world.pve, world.objects);
  judge(
    round,
    restless.map((each) => `after ${SETTLED_WITHIN_MS / 1000} s not settled: ${each}`),
  );
  judge(round, brokenIdentities(world, history.retained));
  judge(
    round,
    uninvitedStops(history.newTasks(world.pve), {
      namesOf: (vmid) => history.namesOf(vmid),
      isInvited: (name) => history.isInvited(name),
    }),
  );
  judge(round, voiceless(world));
  if (restless.length > 0) return;
  judge(round, orphanedVolumes(world));
  judge(round, unexplained(world));
  history.forget(world);
}

async function checkAndDump(round: string, settled: Settled, cast: Cast): Promise<void> {
  const before = broken.length;
  check(round, settled);
  if (broken.length === before || values.dump === undefined) return;
  await mkdir(values.dump, { recursive: true });
  const file = join(values.dump, round.replaceAll(' ', '-'));
  await writeFile(`${file}.json`, JSON.stringify(settled.world, undefined, 2));
  await writeFile(`${file}.log`, await cast.lastLines(5_000));
}

/** A guest that was to stay when its object went keeps the next object of that name from being made, as documented. */
const isKeptForFormer = (ready: { readonly reason: string } | undefined): boolean =>
  ready?.reason === 'BelongsToFormerObject' && history.retained.size > 0;

/** Back to the first manifests, everything must become Ready. */
async function recover(cast: Cast, eyes: Eyes): Promise<void> {
  await applyBase(cast);
  const settled = await settle(eyes, SETTLED_WITHIN_MS * 2);
  await checkAndDump('recovery', settled, cast);
  const first = new Set(['provider', 'class-a', 'class-b', 'image', 'iso', 'policy', ...vms]);
  judge(
    'recovery',
    settled.world.objects
      .filter(({ metadata }) => first.has(metadata.name))
      .flatMap((object) => {
        const ready = conditionOf(object, 'Ready');
        return ready?.status === 'True' || isKeptForFormer(ready)
          ? []
          : [
              `${object.kind} ${object.metadata.name} is not Ready again: ${ready?.reason ?? ''}: ${ready?.message ?? ''}`,
            ];
      }),
  );
}

/** Without tickets, and without the commands of readiness probes, which are asked for. */
const changesOf = ({ fake }: Cast) =>
  fake.requests.filter(
    ({ method, path }) => method !== 'GET' && path !== '/access/ticket' && !path.endsWith('/agent/exec'),
  );

async function beSilent(cast: Cast, eyes: Eyes): Promise<void> {
  const before = new Map(
    (await eyes.objects()).map(({ metadata }) => [metadata.uid, metadata.resourceVersion]),
  );
  const requests = changesOf(cast).length;
  await sleep(SILENT_FOR_MS);
  const moved = (await eyes.objects()).filter(
    ({ metadata: { uid, resourceVersion } }) => before.get(uid) !== resourceVersion,
  );
  judge(
    'silence',
    moved.map(({ kind, metadata }) => `${kind} ${metadata.name} was written although nothing changes`),
  );
  judge(
    'silence',
    changesOf(cast)
      .slice(requests)
      .map(({ method, path }) => `${method} ${path} was sent although nothing changes`),
  );
}

/** Requests that Proxmox VE's own schema refuses are mistakes of the operator, whatever the spec says. */
const invalidRequests = ({ fake }: Cast): readonly string[] =>
  fake.requests
    .filter(({ status }) => status === 501)
    .map(({ method, path }) => `${method} ${path} does not exist`);

async function goAway({ plane }: Cast, eyes: Eyes): Promise<void> {
  history.see(await eyes.objects());
  const order = ['vmclone', 'vmsnapshotschedule', 'vmsnapshot', 'vm', KINDS];
  for (const kinds of order) {
    const { code, stderr } = await plane.kubectl(['delete', kinds, '--all', '--timeout=180s']);
    if (code !== 0) judge('end', [`${kinds} could not be deleted: ${stderr.trim()}`]);
  }
  const pve = await eyes.pve();
  const world: World = { objects: [], pve };
  judge('end', brokenIdentities(world, history.retained));
  judge('end', orphanedVolumes(world));
  const files = pve.volumes.filter(({ volid }) => volid.includes('virtrigaud-'));
  const kept = new Set(pve.guests.filter((guest) => ownerOf(guest) !== undefined).map(({ vmid }) => vmid));
  judge(
    'end',
    files
      .filter(({ volid }) => ![...kept].some((vmid) => volid.includes(`virtrigaud-${vmid}-`)))
      .map(({ volid }) => `the cloud-init image ${volid} was left behind`),
  );
}

async function play(cast: Cast, eyes: Eyes, incidents: Incidents): Promise<void> {
  await applyBase(cast);
  check('beginning', await settle(eyes, SETTLED_WITHIN_MS));
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    say(`\nRound ${round}`);
    await change(cast, eyes, incidents);
    await incidents.end();
    await checkAndDump(`round ${round}`, await settle(eyes, SETTLED_WITHIN_MS), cast);
  }
  say('\nBack to the beginning');
  await recover(cast, eyes);
  await beSilent(cast, eyes);
  say('\nEverything goes away');
  await goAway(cast, eyes);
  judge('requests', invalidRequests(cast));
}

/** One that stood still for longer than its Lease lasts has to say so. */
const loggedErrors = (log: string): readonly string[] =>
  log
    .split('\n')
    .filter((line) => line.includes('"level":"error"'))
    .filter((line) => !(values.incidents && line.includes('"leadership lost"')))
    .map((line) => `the operator logged an error: ${line.slice(0, 500)}`);

async function main(): Promise<number> {
  say(`seed ${values.seed}`);
  const unwanted = values.requests === undefined;
  const requestsFile = values.requests ?? join(tmpdir(), `campaign-${process.pid}.requests`);
  const cast = await startCast({ requestsFile, say: (line) => say(`  ${line}`), logFormat: 'json' });
  const eyes = eyesOn(cast);
  const incidents = incidentsOf(cast);
  try {
    await play(cast, eyes, incidents);
    judge('log', loggedErrors(await cast.lastLines(100_000)));
  } finally {
    await eyes.close();
    await incidents.close();
    await cast.stop();
    if (unwanted) await rm(requestsFile, { force: true });
  }
  say(
    broken.length === 0
      ? `\ncampaign passed: seed ${values.seed}, ${history.lines.length} changes`
      : `\ncampaign failed: seed ${values.seed}, ${history.lines.length} changes, ${broken.length} broken promises`,
  );
  return broken.length === 0 ? 0 : 1;
}

process.exitCode = await main();
process.exit();
