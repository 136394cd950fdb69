/** What spec and annotations say about restarts. Pure. */
import { RESTARTED_AT, type VirtualMachine } from '../../../src/api/index.ts';
import { windowAt } from './maintenance-window.ts';
import type { RestartSettings } from '../model/desired.ts';

const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;

const isMoment = (text: string): boolean => MOMENT.test(text) && !Number.isNaN(Date.parse(text));

export function restartSettings({ spec, metadata }: VirtualMachine): RestartSettings | undefined {
  const { rebootPolicy: policy = 'Never', maintenanceWindow: window } = spec;
  const requestedAt = metadata.annotations[RESTARTED_AT];
  const asked = requestedAt !== undefined && isMoment(requestedAt);
  if (policy === 'Never') return asked ? { requestedAt } : undefined;
  return {
    policy,
    ...(policy === 'MaintenanceWindow' && window && { window: windowOf(window) }),
    ...(asked && { requestedAt }),
  };
}

const windowOf = ({
  schedule,
  duration,
  timeZone,
}: NonNullable<VirtualMachine['spec']['maintenanceWindow']>): NonNullable<RestartSettings['window']> => ({
  schedule,
  duration,
  ...(timeZone !== undefined && { timeZone }),
});

/** Settings without effect: a sentence each. */
export function restartIgnored({ spec, metadata }: VirtualMachine): string[] {
  const { rebootPolicy: policy = 'Never', maintenanceWindow: window } = spec;
  const requestedAt = metadata.annotations[RESTARTED_AT];
  const state = window && windowAt(windowOf(window), 0);
  return [
    ...(window && policy !== 'MaintenanceWindow'
      ? [`spec.maintenanceWindow has no effect, because spec.rebootPolicy is ${policy}.`]
      : []),
    ...(state?.state === 'impossible' ? [state.problem] : []),
    ...(requestedAt !== undefined && !isMoment(requestedAt)
      ? [`The annotation ${RESTARTED_AT} is no moment such as 2026-03-01T12:00:00Z: it has no effect.`]
      : []),
  ];
}
