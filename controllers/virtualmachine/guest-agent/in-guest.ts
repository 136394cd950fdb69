/** The command that the guest agent runs for a hook or a probe. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';

type Action = NonNullable<NonNullable<VirtualMachine['spec']['lifecycle']>['postStart']>;

/** Longer than the wait for any useful answer. */
const MAX_REQUEST_S = '30';

/**
 * The guest sends HTTP requests to itself, because the operator must not send requests into its own network (ADR 14).
 * Like the probes of Kubernetes, they do not check certificates.
 */
export function commandOf({ exec, httpGet }: Action): readonly string[] {
  if (!httpGet) return exec?.command ?? [];
  const { scheme = 'HTTP', port, path = '/' } = httpGet;
  const url = `${scheme.toLowerCase()}://localhost:${port}${path}`;
  const quietly = ['--silent', '--show-error', '--output', '/dev/null'];
  return ['curl', '--fail', '--insecure', '--globoff', ...quietly, '--max-time', MAX_REQUEST_S, url];
}
