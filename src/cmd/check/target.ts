/** What is checked: a Provider as the operator would use it, or the settings of the environment. */
import { gatherLayers, resolveSettings, type Layer, type Settings } from '../../../controllers/index.ts';
import { Provider } from '../../api/index.ts';
import { kubeClient, type KubeClient } from '../../kube/client.ts';
import { KubeError } from '../../kube/errors.ts';
import { connect } from '../../kube/kubeconfig.ts';
import { parserOf } from '../../kube/parse.ts';
import { ownResource } from '../../kube/resource.ts';
import { configMapReader, secretReader } from '../../kube/secrets.ts';
import { transport } from '../../kube/transport.ts';
import { z } from 'zod';
import { systemClock } from '../../runtime/clock.ts';
import type { CheckOptions } from './arguments.ts';
import { fail, type Finding } from './finding.ts';

export interface Target {
  readonly settings: Settings;
  readonly defaults: NonNullable<Provider['spec']['defaults']>;
  /** Absent: the settings are those of the environment. */
  readonly provider?: Provider;
}

/** The finding explains why there is nothing to test. */
export type TargetResult = { readonly target: Target } | { readonly problem: Finding };

export function environmentTarget(variables: Layer): TargetResult {
  const resolved = resolveSettings({ type: 'proxmox' }, { env: {}, secret: {}, process: variables });
  if (resolved.ok) return { target: { settings: resolved.settings, defaults: {} } };
  switch (resolved.reason) {
    case 'EndpointMissing':
      return missing(
        'endpoint',
        'There is none in the environment.',
        'Set PVE_ENDPOINT, for example https://pve.example.com:8006, or name a Provider: --provider NAMESPACE/NAME.',
      );
    case 'EndpointInvalid':
      return missing('endpoint', resolved.message, 'Correct PVE_ENDPOINT.');
    case 'CredentialsMissing':
      return missing(
        'login',
        'There are no credentials in the environment.',
        'Set PVE_TOKEN_ID and PVE_TOKEN_SECRET, or PVE_USERNAME and PVE_PASSWORD.',
      );
    case 'CredentialsIncomplete':
      return missing('login', resolved.message, 'Set what is missing.');
    case 'CABundleInvalid':
    case 'EndpointNotAllowed':
    case 'FingerprintInvalid':
    case 'TrustNotAllowed':
      return missing('settings', resolved.message, 'Correct the environment.');
  }
}

const missing = (check: string, found: string, todo: string): TargetResult => ({
  problem: fail(check, found, todo),
});

export async function providerTarget(
  name: string,
  options: CheckOptions,
  variables: Layer,
): Promise<TargetResult> {
  try {
    const connection = connect({ file: options.kubeconfig, context: options.context });
    try {
      const client = kubeClient(transport(connection, systemClock));
      const [first = '', second] = name.split('/');
      const at = second === undefined ? [connection.namespace, first] : [first, second];
      return await read(client, at[0] ?? '', at[1] ?? '', variables);
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return missing('provider', `Kubernetes: ${error.message}`, 'Check the kubeconfig and your rights there.');
  }
}

async function read(
  client: KubeClient,
  namespace: string,
  name: string,
  variables: Layer,
): Promise<TargetResult> {
  const raw = await client.get({ ...ownResource(Provider), namespace, name }, z.unknown());
  if (raw === undefined)
    return missing(
      'provider',
      `There is no Provider "${name}" in namespace "${namespace}".`,
      'See kubectl get providers -A.',
    );
  const { object, problem } = parserOf(Provider)(raw);
  if (!object) return missing('provider', `It cannot be read: ${problem ?? ''}`, 'Correct the Provider.');
  const secrets = secretReader(client, systemClock);
  const configMaps = configMapReader(client, systemClock);
  const gathered = await gatherLayers(object, {
    process: variables,
    readSecret: (...at) => secrets.get(...at),
    readConfigMap: (...at) => configMaps.get(...at),
  });
  if (!gathered.ok) return missing('provider', gathered.message, 'The operator waits for it.');
  const resolved = resolveSettings(object.spec, gathered.layers);
  return resolved.ok
    ? { target: { settings: resolved.settings, defaults: object.spec.defaults ?? {}, provider: object } }
    : missing('provider', resolved.message, 'Correct the Provider or its Secret.');
}
