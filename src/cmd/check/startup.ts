/** Whether the PVE_* variables of the process itself can be used: asked once, before anything else is done. */
import { resolveSettings, type Layer, type Settings } from '../../../controllers/index.ts';
import { CredentialsError, PveError } from '../../pve/index.ts';
import { seconds, type Millis } from '../../lib/units.ts';
import { causeOf } from './cause.ts';
import { withClient } from './line.ts';

/** Long enough for two slow tries to connect. */
const LIMIT = seconds(15);

/** Lines for stderr: first what is wrong, in words that scripts may look for, then what to do. */
export type StartupProblem = readonly [what: string, ...advice: string[]];

const problem = (did: string, error: string, advice?: string): StartupProblem => {
  const what = `ERROR Failed to ${did} error="${error.replaceAll('"', "'")}"`;
  return advice === undefined ? [what] : [what, advice];
};

const unusable = (error: string, advice?: string): StartupProblem =>
  problem('create PVE client', error, advice);

/** `undefined`: they are valid, or there are none, so that Providers have their own. Takes 15 s at most. */
export async function startupProblem(
  variables: Layer,
  limit: Millis = LIMIT,
): Promise<StartupProblem | undefined> {
  if (Object.values(variables).every((value) => value.trim() === '')) return undefined;
  const resolved = resolveSettings({ type: 'proxmox' }, { env: {}, secret: {}, process: variables });
  return resolved.ok ? tryOut(resolved.settings, limit) : misfit(resolved);
}

function misfit({ reason, message }: { readonly reason: string; readonly message: string }): StartupProblem {
  switch (reason) {
    case 'EndpointMissing':
      return unusable('endpoint is required', 'Set PVE_ENDPOINT, for example https://pve.example.com:8006.');
    case 'EndpointInvalid':
      return unusable('invalid endpoint URL', message);
    case 'CredentialsMissing':
      return unusable(
        'credentials are required',
        'Set PVE_TOKEN_ID and PVE_TOKEN_SECRET, or PVE_USERNAME and PVE_PASSWORD.',
      );
    case 'CredentialsIncomplete':
      return unusable('credentials are required', message);
    default:
      return unusable(message);
  }
}

async function tryOut(settings: Settings, limit: Millis): Promise<StartupProblem | undefined> {
  const signal = AbortSignal.timeout(limit);
  try {
    await withClient(settings, signal, (client) => client.version({ signal }));
    return undefined;
  } catch (error) {
    if (signal.aborted) return problem('connect', `no answer within ${limit / 1000} s`);
    if (error instanceof CredentialsError) return unusable(error.message);
    if (!(error instanceof PveError)) return problem('connect', causeOf(error));
    return error.refusal === 'unauthenticated'
      ? problem('authenticate', 'authentication failed: invalid credentials', error.message)
      : problem('connect', causeOf(error), error.message);
  }
}
