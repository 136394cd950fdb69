import { aThing, inMemoryStore } from './in-memory-store.ts';
import { describeObjectStore, type Subject } from './object-store-contract.ts';
import type { Thing } from './in-memory-store.ts';

describeObjectStore<Thing>('in memory', (): Subject<Thing> => {
  const entry = aThing({ finalizers: ['example.com/ours'] });
  const store = inMemoryStore(entry);
  const edit = (metadata: Partial<Thing['metadata']>) => {
    store.edit((live) => ({ metadata: { ...live.metadata, ...metadata } }));
    return Promise.resolve();
  };
  return {
    store,
    create: () => Promise.resolve(entry),
    label: () => edit({ labels: { seen: 'yes' } }),
    requestDeletion: () => edit({ deletionTimestamp: '2026-03-01T12:00:00Z' }),
  };
});
