/** Parts of a parsed spec as a user would write them: quantities and durations are texts again. Pure. */
import type { VirtualMachineSpec, VirtualMachineSpecInput } from '../../src/api/index.ts';
import { formatDuration } from '../../src/lib/duration.ts';
import { omitUndefined } from '../../src/lib/omit-undefined.ts';
import type { Millis } from '../../src/lib/units.ts';

type Spec<Field extends keyof VirtualMachineSpec> = NonNullable<VirtualMachineSpec[Field]>;
type Written<Field extends keyof VirtualMachineSpecInput> = NonNullable<VirtualMachineSpecInput[Field]>;

const text = (span: Millis | undefined): string | undefined =>
  span === undefined ? undefined : formatDuration(span);

export const startupWritten = ({ upDelay, downDelay, ...rest }: Spec<'startup'>): Written<'startup'> => ({
  ...rest,
  ...omitUndefined({ upDelay: text(upDelay), downDelay: text(downDelay) }),
});

export const windowWritten = ({
  duration,
  ...rest
}: Spec<'maintenanceWindow'>): Written<'maintenanceWindow'> => ({
  ...rest,
  duration: formatDuration(duration),
});

export const lifecycleWritten = ({
  gracefulShutdownTimeout,
  readinessProbe,
  ...hooks
}: Spec<'lifecycle'>): Written<'lifecycle'> => ({
  ...hooks,
  ...omitUndefined({
    gracefulShutdownTimeout: text(gracefulShutdownTimeout),
    readinessProbe: readinessProbe && probeWritten(readinessProbe),
  }),
});

type Probe = NonNullable<Spec<'lifecycle'>['readinessProbe']>;

const probeWritten = ({
  initialDelay,
  period,
  timeout,
  ...rest
}: Probe): Written<'lifecycle'>['readinessProbe'] => ({
  ...rest,
  ...omitUndefined({ initialDelay: text(initialDelay), period: text(period), timeout: text(timeout) }),
});
