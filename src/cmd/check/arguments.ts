/** The arguments of `virtrigaud-proxmox check`. */
import { parseArgs } from 'node:util';

export interface CheckOptions {
  /** Absent: what the environment says is tested. */
  readonly provider: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly output: 'text' | 'json';
}

export type CheckArguments =
  | { readonly kind: 'check'; readonly options: CheckOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'faulty'; readonly fault: string };

export const CHECK_HELP = `virtrigaud-proxmox check: tests a connection to Proxmox VE and says what is missing, and what to do about it.

Flags:
  --provider NAMESPACE/NAME  test this Provider, read with its Secret from Kubernetes; absent: the PVE_* variables of the
                             environment. Without NAMESPACE it is that of the kubeconfig's context
  --kubeconfig FILE          kubeconfig to use; absent: KUBECONFIG, ~/.kube/config, or the pod's service account
  --context NAME             context of the kubeconfig; absent: its current one
  --output text|json         how to print it (default text)
  --help                     print this text

It changes nothing. Exit code: 0 if no check failed (warnings may be left), 1 if one did, 2 for a wrong flag.
`;

/** Never throws. */
export function readCheckArguments(args: readonly string[]): CheckArguments {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        provider: { type: 'string' },
        kubeconfig: { type: 'string' },
        context: { type: 'string' },
        output: { type: 'string', default: 'text' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    const { provider, kubeconfig, context, output, help } = values;
    if (help === true) return { kind: 'help' };
    if (output !== 'text' && output !== 'json')
      return { kind: 'faulty', fault: '--output must be text or json' };
    if (provider !== undefined && !/^([^/]+\/)?[^/]+$/.test(provider))
      return { kind: 'faulty', fault: '--provider must be NAMESPACE/NAME or NAME' };
    return { kind: 'check', options: { provider, kubeconfig, context, output } };
  } catch (error) {
    return { kind: 'faulty', fault: misunderstood(error) };
  }
}

const misunderstood = (error: unknown): string =>
  `${error instanceof Error ? error.message : String(error)}. See virtrigaud-proxmox check --help.`;
