/** What a Provider reports when it is not connected, and its events. Pure. */
import type { Provider, ProviderStatus, VirtualMachine } from '../../src/api/index.ts';
import { condition } from '../shared/errors/event.ts';
import { inUse } from '../shared/objects/in-use.ts';
import type { EventNote, Readable, ReconcileResult } from '../../src/runtime/controller.ts';
import { waiting, type Outcome } from '../../src/runtime/outcome.ts';
import { connected, ignoredFields, type ProviderFacts } from './report.ts';

export type ProviderResult = ReconcileResult<ProviderStatus>;

/** What was known before stays, except that it is healthy. */
export const failing = (provider: Provider, outcome: Outcome): ProviderResult => ({
  outcome,
  status: { ...kept(provider), healthy: false },
  conditions: ignoredFields(provider.spec),
  events: newsOf(provider, outcome),
});

const readyBefore = ({ status }: Provider) => status?.conditions?.find(({ type }) => type === 'Ready');

/** The Provider is connected again. */
export const reconnected = (
  provider: Provider,
  outcome: Outcome,
  facts: ProviderFacts,
): readonly EventNote[] =>
  outcome.kind === 'settled' && readyBefore(provider)?.status === 'False' ? [connected(facts)] : [];

/** What a Provider waits for is announced once; what only a person can fix is announced for every kind alike. */
export function newsOf(provider: Provider, outcome: Outcome): readonly EventNote[] {
  return outcome.kind === 'waiting' && outcome.reason !== readyBefore(provider)?.reason
    ? [condition(outcome.reason, outcome.message)]
    : [];
}

/** The status as it was, without what the engine adds. */
export function kept(provider: Provider): ProviderStatus {
  const { conditions: _conditions, observedGeneration: _generation, ...status } = provider.status ?? {};
  return status;
}

/**
 * The Provider is being deleted and waits for its VMs. What keeps it from connecting keeps the VMs, and thereby the
 * Provider, so both are reported.
 * @param result of its attempt to connect; absent: it ended unexpectedly
 */
export function whileInUse(
  provider: Provider,
  users: readonly Readable<VirtualMachine>[],
  result: ProviderResult | undefined,
): ProviderResult {
  const outcome = inUse('Provider', provider, users);
  if (!result) return { outcome, status: kept(provider) };
  const problem = result.outcome;
  if (outcome.kind !== 'waiting' || !('reason' in problem)) return { ...result, outcome };
  const before = provider.status?.conditions?.find(({ type }) => type === 'Reconciling');
  return {
    ...result,
    outcome: waiting(problem.reason, `${outcome.message} ${problem.message}`, outcome.again),
    events: before?.reason === problem.reason ? [] : (result.events ?? []),
  };
}
