/**
 * Keeps a copy of a Provider's credentials while VirtualMachines of it have guests, so that deletions that are under way
 * end although the Secret or the Provider is gone, as when a namespace is deleted. An owner reference cannot lead into
 * another namespace, so the copies are removed here. What is kept in memory of each is no secret.
 */
import { sha256Hex } from '../../src/lib/hash.ts';
import { minutes } from '../../src/lib/units.ts';
import { copyName, fromValues, toValues, type CredentialCopy } from './credential-copy.ts';

/** Whose copy it is. */
export type CopyOf = Pick<CredentialCopy, 'uid' | 'namespace' | 'name'>;

export interface CredentialCopies {
  /** Resolves once the copy is stored as it is now. */
  keep(copy: CredentialCopy): Promise<void>;
  /** The copy of the Provider that has, or had, this name. None where there are several: which one is meant is unknown. */
  find(namespace: string, name: string): Promise<CredentialCopy | undefined>;
  /** Removes every copy that is no longer needed, also those that an earlier process left. */
  sweep(isNeeded: (copy: CopyOf, isKept: (uid: string) => boolean) => boolean): Promise<void>;
}

interface Stored {
  readonly name: string;
  readonly values: Readonly<Record<string, string>>;
}

/** The Secrets with the copies' labels, in the operator's namespace. */
export interface CopyStore {
  list(): Promise<readonly Stored[]>;
  get(name: string): Promise<Stored | undefined>;
  put(secret: Stored): Promise<void>;
  delete(name: string): Promise<void>;
}

interface Known extends CopyOf {
  readonly digest: string;
}

/** How soon a copy that somebody deleted is noticed. */
const LISTED_FOR = minutes(10);

/** @param now epoch ms */
export function createCredentialCopies(store: CopyStore, now: () => number): CredentialCopies {
  /** By uid of the Provider. */
  const known = new Map<string, Known>();
  let listed: { readonly at: number; readonly done: Promise<void> } | undefined;
  let last: Promise<unknown> = Promise.resolve();

  /** One after another, so that what is decided later takes effect later. */
  function inOrder<T>(work: () => Promise<T>): Promise<T> {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  }

  async function readAll(): Promise<void> {
    const found = await store.list();
    known.clear();
    for (const { name, values } of found) {
      const copy = fromValues(values);
      // What cannot be read is left alone: a newer version of the operator may have written it.
      if (copy && copyName(copy.uid) === name) known.set(copy.uid, knownOf(copy));
    }
  }

  function list(): Promise<void> {
    if (listed && now() - listed.at < LISTED_FOR) return listed.done;
    const current = { at: now(), done: inOrder(readAll) };
    listed = current;
    current.done.catch(() => {
      if (listed === current) listed = undefined;
    });
    return current.done;
  }

  return {
    async keep(copy) {
      await list();
      const next = knownOf(copy);
      await inOrder(async () => {
        if (known.get(copy.uid)?.digest === next.digest) return;
        await store.put({ name: copyName(copy.uid), values: toValues(copy) });
        known.set(copy.uid, next);
      });
    },
    async find(namespace, name) {
      await list();
      const [only, ...others] = [...known.values()].filter(
        (each) => each.namespace === namespace && each.name === name,
      );
      if (!only || others.length > 0) return undefined;
      const stored = await store.get(copyName(only.uid));
      return stored && fromValues(stored.values);
    },
    async sweep(isNeeded) {
      await list();
      for (const uid of [...known.keys()])
        await inOrder(async () => {
          const entry = known.get(uid);
          // Asked when its turn has come: a VM that appeared meanwhile needs it.
          if (!entry || isNeeded(entry, (other) => known.has(other))) return;
          await store.delete(copyName(uid));
          known.delete(uid);
        });
    },
  };
}

const knownOf = (copy: CredentialCopy): Known => ({
  uid: copy.uid,
  namespace: copy.namespace,
  name: copy.name,
  digest: sha256Hex(JSON.stringify(toValues(copy))),
});
