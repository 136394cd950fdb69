/** Runs scenarios one after another, and the operations of each at once, as many as it says. */
import { figuresOf, timeText, type Measured } from './results.ts';
import type { Seen } from './objects.ts';
import { perform, type Site } from './operations.ts';
import type { Scenario } from './scenarios.ts';

export interface Run {
  readonly site: Omit<Site, 'afterwards'>;
  /** Whether this run made the object. */
  readonly isOwn: (object: Seen) => boolean;
  readonly say: (line: string) => void;
}

export async function runAll(scenarios: readonly Scenario[], run: Run): Promise<readonly Measured[]> {
  const results: Measured[] = [];
  for (const scenario of scenarios) {
    const measured = await runScenario(scenario, run);
    const { p50, p95, throughput } = figuresOf(measured);
    run.say(
      `${scenario.name}: p50 ${timeText(p50)}, p95 ${timeText(p95)}, ${throughput.toFixed(1)} a minute, ${measured.failures.length} failed`,
    );
    results.push(measured);
  }
  return results;
}

/** Progress is reported this often. */
const TENTHS = 10;

async function runScenario(scenario: Scenario, { site, isOwn, say }: Run): Promise<Measured> {
  const { name, operations, concurrency } = scenario;
  const free = scenario.operation === 'create' ? [] : selected(scenario, site, isOwn);
  const workers = scenario.operation === 'create' ? concurrency : Math.min(concurrency, free.length);
  const took: number[] = [];
  const failures: string[] = [];
  const cleanUps: (() => Promise<void>)[] = [];
  const own: Site = { ...site, afterwards: (cleanUp) => void cleanUps.push(cleanUp) };
  let begun = 0;

  async function work(): Promise<void> {
    while (begun < operations) {
      begun += 1;
      const vm = free.shift() ?? '';
      try {
        took.push(await perform(scenario, vm, own));
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
      free.push(vm);
      const ended = took.length + failures.length;
      if (ended % Math.max(1, Math.floor(operations / TENTHS)) === 0)
        say(`${name}: ${ended} of ${operations}`);
    }
  }

  const began = performance.now();
  await Promise.all(Array.from({ length: Math.min(workers, operations) }, work));
  const lastedMs = performance.now() - began;
  const cleaned = await Promise.allSettled(cleanUps.map((cleanUp) => cleanUp()));
  for (const result of cleaned) if (result.status === 'rejected') say(`${name}: ${String(result.reason)}`);
  return { scenario, took, failures, lastedMs };
}

/** Names of the VMs to work on. */
function selected(
  { name, selector }: Exclude<Scenario, { operation: 'create' }>,
  { vms }: Run['site'],
  isOwn: Run['isOwn'],
): string[] {
  const wanted = Object.entries(selector?.matchLabels ?? {});
  const names = vms
    .all()
    .filter((vm) =>
      selector ? wanted.every(([key, value]) => vm.metadata.labels[key] === value) : isOwn(vm),
    )
    .map(({ metadata }) => metadata.name);
  if (names.length === 0)
    throw new Error(
      `${name}: there is no VirtualMachine to work on. Create some in a scenario before, or correct its selector.`,
    );
  return names;
}
