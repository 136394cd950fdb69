/** Events of an object, the latest last. Pure. */
import { z } from 'zod';
import { part, type Stored } from '../cluster/objects.ts';

export interface EventLine {
  readonly at: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
}

const Event = z.object({
  type: z.string().catch('Normal'),
  reason: z.string().catch(''),
  message: z.string().catch(''),
  count: z.number().nullish().catch(undefined),
  lastTimestamp: z.string().nullish().catch(undefined),
  eventTime: z.string().nullish().catch(undefined),
  series: z.object({ count: z.number(), lastObservedTime: z.string() }).nullish().catch(undefined),
});

/** @param most how many of the latest ones */
export const eventLines = (events: readonly Stored[], most: number): readonly EventLine[] =>
  events
    .flatMap((event) => lineOf(event))
    .toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    .slice(-most);

function lineOf(event: Stored): readonly EventLine[] {
  const read = part(Event, event);
  if (!read) return [];
  const { type, reason, message } = read;
  return [{ at: timeOf(read, event), type, reason, message, count: read.series?.count ?? read.count ?? 1 }];
}

const timeOf = (event: z.output<typeof Event>, { metadata }: Stored): string =>
  event.series?.lastObservedTime ??
  event.lastTimestamp ??
  event.eventTime ??
  metadata.creationTimestamp ??
  '';
