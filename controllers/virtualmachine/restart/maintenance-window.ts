/** When a maintenance window is open. Pure: the same moment gives the same answer. */
import { Cron } from 'croner';
import type { MaintenanceWindow } from '../model/restart.ts';

export type WindowNow =
  | { readonly state: 'open' }
  /** Epoch ms. */
  | { readonly state: 'closed'; readonly opensAt: number }
  | { readonly state: 'impossible'; readonly problem: string };

export function windowAt(
  { schedule, duration, timeZone = 'UTC' }: MaintenanceWindow,
  now: number,
): WindowNow {
  // The first opening whose end is still to come: either it is past, and the window is open, or it is the next.
  const opens = openingAfter(schedule, timeZone, now - duration);
  if (typeof opens === 'string') return { state: 'impossible', problem: opens };
  return opens <= now ? { state: 'open' } : { state: 'closed', opensAt: opens };
}

function openingAfter(schedule: string, timeZone: string, after: number): number | string {
  try {
    const next = new Cron(schedule, { timezone: timeZone, mode: '5-part' }).nextRun(new Date(after));
    return next?.getTime() ?? `spec.maintenanceWindow.schedule "${schedule}" never comes.`;
  } catch {
    return `spec.maintenanceWindow cannot be read: "${schedule}" is no cron expression of five fields, or "${timeZone}" no time zone.`;
  }
}
