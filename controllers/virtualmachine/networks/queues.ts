/** Reports queues of network interfaces that no CPU would serve. Pure. */
import type { DesiredNic, Shape } from '../model/desired.ts';

/** For the condition FieldsIgnored. Queues for CPUs that the VM may get without a restart are no mistake. */
export function queuesIgnored(
  nics: readonly DesiredNic[] | undefined,
  { cpus, maxCpus = cpus }: Pick<Shape, 'cpus'> & { readonly maxCpus?: number | undefined },
): readonly string[] {
  const most = Math.max(cpus, maxCpus);
  const surplus = (nics ?? []).flatMap(({ name, settings }) => {
    const { queues } = settings ?? {};
    return Number(queues ?? 0) > most ? [`${queues} of ${name}`] : [];
  });
  return surplus.length === 0
    ? []
    : [
        `More queues than the VM has CPUs (${most}) have no effect: spec.networks asks for ${surplus.join(', ')}. Set queues to ${most} at most.`,
      ];
}
