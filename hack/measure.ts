/** `make measure`: how long a VM takes beside what Proxmox VE itself needs, what fifty cost at rest, what the operator weighs. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCast, type Cast } from './demo/cast.ts';
import { samples } from './demo/samples.ts';
import { isThere, vmsOf } from './demo/watch.ts';

const { values } = parseArgs({
  options: {
    /** VMs at rest. */
    vms: { type: 'string', default: '50' },
    /** How long the rest is watched. */
    seconds: { type: 'string', default: '60' },
  },
});

const VMS = Number(values.vms);
const SECONDS = Number(values.seconds);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const manifest = (name: string): string => `apiVersion: infra.virtrigaud.io/v1beta1
kind: VirtualMachine
metadata: { name: ${name} }
spec:
  providerRef: { name: proxmox-prod }
  classRef: { name: small }
  imageRef: { name: ubuntu-22 }
  networks: [{ name: lan }]
  disks: [{ name: root, size: 40Gi }]
  userData: { cloudInit: { inline: "#cloud-config\\npackages: [nginx]\\n" } }
`;

async function apply(cast: Cast, input: string): Promise<void> {
  const { code, stderr } = await cast.plane.kubectl(['apply', '-f', '-'], { input });
  if (code !== 0) throw new Error(stderr);
}

/** What the fake needs for one such VM, whoever asks: its tasks one after the other, and the guest's boot. */
function ownTime({ fake }: Cast): number {
  const { cloneLinked, imgcopy, qmconfig, resize, qmstart, guestBoot } = fake.state.latency;
  return cloneLinked + imgcopy + qmconfig + resize + qmstart + guestBoot;
}

/** From the return of `kubectl apply` to the watch event that shows the VM running with an address. */
async function oneVm(cast: Cast, name: string): Promise<number> {
  const columns = '{.metadata.name} {.status.phase} {.status.ipAddresses[0]}{"\\n"}';
  const watch = spawn('kubectl', ['get', 'vm', '-w', '-o', `jsonpath=${columns}`], {
    env: { ...process.env, ...cast.plane.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: watch.stdout });
  await sleep(500); // until the watch stands
  await apply(cast, manifest(name));
  const applied = performance.now();
  for await (const line of lines) {
    const [who, phase, address] = line.split(' ');
    if (who === name && phase === 'Running' && address) break;
  }
  const took = performance.now() - applied;
  watch.kill();
  return took;
}

async function untilAllAreThere(cast: Cast, count: number): Promise<void> {
  for (;;) {
    const vms = await vmsOf(cast.plane);
    if (vms.length >= count && vms.every(isThere)) return;
    await sleep(200);
  }
}

async function versions(cast: Cast): Promise<string> {
  const { stdout } = await cast.plane.kubectl([
    ...['get', 'vm,provider,vmclass,vmimage', '-A', '-o'],
    'jsonpath={range .items[*]}{.metadata.name}={.metadata.resourceVersion} {end}',
  ]);
  return stdout;
}

async function memoryMb(cast: Cast): Promise<number> {
  const status = await readFile(`/proc/${cast.operator.pid ?? 0}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}

const cast = await startCast({ requestsFile: undefined, say: () => undefined });
try {
  say(`start to ready: ${(cast.readyAfterMs / 1000).toFixed(2)} s`);
  for (const { file, text } of await samples(cast.fake.url))
    if (/^(00|01|04|07|10)-/.test(file)) await apply(cast, text);
  await cast.plane.kubectl(['delete', 'vm', '--all']);
  await cast.plane.kubectl(['wait', 'provider', '--all', '--for=condition=Ready']);

  const own = ownTime(cast);
  for (let n = 1; n <= 5; n += 1) {
    const took = await oneVm(cast, `one-${n}`);
    say(
      `one VM, apply to Running with address: ${(took / 1000).toFixed(2)} s; Proxmox VE's own ${(own / 1000).toFixed(2)} s; more: ${((took - own) / 1000).toFixed(2)} s`,
    );
  }

  const began = performance.now();
  await apply(cast, Array.from({ length: VMS }, (_, n) => manifest(`many-${n}`)).join('---\n'));
  await untilAllAreThere(cast, VMS + 5);
  say(`${VMS} VMs in one apply: all there after ${((performance.now() - began) / 1000).toFixed(1)} s`);

  await sleep(35_000); // the late looks at the guest agents end after half a minute
  const before = cast.fake.requests.length;
  const versionsBefore = await versions(cast);
  await sleep(SECONDS * 1000);
  const requests = cast.fake.requests.length - before;
  say(
    `${VMS + 5} VMs at rest: ${(requests / SECONDS).toFixed(2)} requests a second to Proxmox VE over ${SECONDS} s`,
  );
  say(`objects written meanwhile: ${(await versions(cast)) === versionsBefore ? 'none' : 'some'}`);
  say(`memory of the operator: ${(await memoryMb(cast)).toFixed(0)} MB`);
} finally {
  await cast.stop();
}
process.exit();
