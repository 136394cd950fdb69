/** The bundle for a bug report, from what was read. Pure. */
import { z } from 'zod';
import { build } from '../../lib/build.ts';
import { part, textAt, valueAt, type Stored } from '../cluster/objects.ts';
import { shortName } from '../cluster/references.ts';
import { eventLines } from '../why/events.ts';
import type { Facts } from '../why/gather.ts';
import { redact } from './redact.ts';
import { scrubber, scrubProse } from './scrub.ts';

export interface Versions {
  readonly kubernetes: string;
  /** Of the operator, where the user may read it. */
  readonly operators: readonly Stored[];
}

const EVENTS = 50;
const Containers = z.array(z.object({ image: z.string() }));

/** No text of a user is in it: neither in the objects, nor in what is said of them. */
export function bundleOf({ object, events, related }: Facts, { kubernetes, operators }: Versions): unknown {
  const main = redact(object);
  const others = related.map(({ reference, object: other, events: theirs }) =>
    typeof other === 'string'
      ? { of: { object: shortName(reference), namespace: reference.namespace, state: other }, texts: [] }
      : referred(reference.path, other, theirs),
  );
  const scrub = scrubber([...main.texts, ...others.flatMap(({ texts }) => texts)]);
  const bundle = {
    versions: {
      plugin: `${build.version} (${build.commit})`,
      kubernetes,
      operator: operators.flatMap(
        (each) =>
          part(Containers, valueAt(each, 'spec.template.spec.containers'))?.map(({ image }) => image) ?? [],
      ),
      proxmox: related.flatMap(({ object: other }) => textAt(other, 'status.version') ?? []),
    },
    object: main.object,
    events: eventLines(events, EVENTS),
    related: others.map(({ of }) => of),
  };
  return scrubProse(bundle, scrub);
}

function referred(field: string, object: Stored, events: readonly Stored[]) {
  const { object: kept, texts } = redact(object);
  return { of: { field, ...kept, events: eventLines(events, EVENTS) }, texts };
}
