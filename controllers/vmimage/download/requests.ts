/** The requests that this process announced in status and has not sent yet. After a restart each may have been sent. */
import type { DownloadEntry, TemplateEntry } from './model.ts';

/** What is announced, and when: a file on another node, or another template, may be announced at the same moment. */
export type Announcement =
  | Pick<DownloadEntry, 'provider' | 'node' | 'volume' | 'at'>
  | Pick<TemplateEntry, 'provider' | 'vmid' | 'at'>;

export interface Announced {
  /** @param entry as it is in status */
  add(uid: string, entry: Announcement): void;
  has(uid: string, entry: Announcement): boolean;
  /** It is being sent. */
  take(uid: string, entry: Announcement): void;
  forget(uid: string): void;
}

const keyOf = (entry: Announcement): string =>
  `${entry.at} ${entry.provider} ${'vmid' in entry ? entry.vmid : `${entry.node} ${entry.volume}`}`;

export function createAnnounced(): Announced {
  const byUid = new Map<string, Set<string>>();
  return {
    add(uid, entry) {
      byUid.set(uid, new Set([...(byUid.get(uid) ?? []), keyOf(entry)]));
    },
    has: (uid, entry) => byUid.get(uid)?.has(keyOf(entry)) ?? false,
    take(uid, entry) {
      byUid.get(uid)?.delete(keyOf(entry));
    },
    forget(uid) {
      byUid.delete(uid);
    },
  };
}
