/** What the guest agent is asked to run for a hook or a probe. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';

type Action = NonNullable<NonNullable<VirtualMachine['spec']['lifecycle']>['postStart']>;

/** So long a hook is tried whose agent does not answer. */
export const HOOK_TIMEOUT_MS = 10 * 60_000;

/** Longer than any answer that is still of use. */
const MAX_ANSWER_S = '30';

/**
 * A request is made by the guest to itself, as the operator would reach into whatever network it stands in (ADR 14).
 * As for the probes of Kubernetes, certificates are not checked.
 */
export function commandOf({ exec, httpGet }: Action): readonly string[] {
  if (!httpGet) return exec?.command ?? [];
  const { scheme = 'HTTP', port, path = '/' } = httpGet;
  const url = `${scheme.toLowerCase()}://localhost:${port}${path}`;
  const quietly = ['--silent', '--show-error', '--output', '/dev/null'];
  return ['curl', '--fail', '--insecure', '--globoff', ...quietly, '--max-time', MAX_ANSWER_S, url];
}
