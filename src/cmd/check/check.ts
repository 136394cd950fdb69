/** `virtrigaud-proxmox check`: one question after another, from the endpoint to the templates. */
import { granteeOf, missingPrivilegesOf, type Layer, type Settings } from '../../../controllers/index.ts';
import {
  createInventory,
  createNodeVersions,
  CredentialsError,
  PveError,
  type Pve,
  type View,
} from '../../pve/index.ts';
import { seconds } from '../../lib/units.ts';
import { CHECK_HELP, readCheckArguments, type CheckOptions } from './arguments.ts';
import { causeOf } from './cause.ts';
import { fail, failed, ok, toJson, toText, type Finding } from './finding.ts';
import {
  judgeBridges,
  judgeIsoStorage,
  judgeMixedVersions,
  judgeNodes,
  judgePrivileges,
  judgeQuorum,
  judgeStorage,
  judgeTemplates,
  judgeVersion,
} from './judge.ts';
import { judgeGrants } from './judge-grants.ts';
import { withClient } from './line.ts';
import { probeNetwork, probeTls } from './probe.ts';
import { environmentTarget, providerTarget, type Target } from './target.ts';

export interface Printed {
  readonly code: 0 | 1 | 2;
  readonly out: string;
  readonly err: string;
}

/** For all questions to the API together. */
const LIMIT = seconds(60);

/** Changes nothing anywhere. */
export async function runCheck(args: readonly string[], variables: Layer): Promise<Printed> {
  const given = readCheckArguments(args);
  if (given.kind === 'help') return { code: 0, out: CHECK_HELP, err: '' };
  if (given.kind === 'faulty') return { code: 2, out: '', err: `ERROR ${given.fault}\n` };
  const { provider, output } = given.options;
  const findings = await examine(given.options, variables);
  const label = provider ?? 'environment';
  return {
    code: failed(findings) ? 1 : 0,
    out: output === 'json' ? toJson(label, findings) : toText(findings),
    err: '',
  };
}

async function examine(options: CheckOptions, variables: Layer): Promise<readonly Finding[]> {
  const result =
    options.provider === undefined
      ? environmentTarget(variables)
      : await providerTarget(options.provider, options, variables);
  return 'problem' in result ? [result.problem] : examineTarget(result.target);
}

/** Each step needs the one before: after a failure the rest would only repeat it. */
async function examineTarget(target: Target): Promise<readonly Finding[]> {
  const { settings } = target;
  const origins = [settings.origin, ...settings.otherOrigins];
  const reached = await Promise.all(origins.map((origin) => reach(settings, origin)));
  const findings: Finding[] = [ok('endpoint', `${origins.join(', ')}.`), ...reached.flat()];
  // One of several endpoints is enough to continue.
  if (reached.every(failed)) return findings;
  const signal = AbortSignal.timeout(LIMIT);
  try {
    await withClient(settings, signal, async (client) => {
      for await (const finding of questions(client, target, signal)) findings.push(finding);
    });
  } catch (error) {
    findings.push(
      refusal(
        error,
        settings,
        findings.some(({ check }) => check === 'login'),
      ),
    );
  }
  return findings;
}

async function reach(settings: Settings, origin: string): Promise<readonly Finding[]> {
  const network = await probeNetwork(origin);
  return network.level === 'fail' ? [network] : [network, await probeTls(settings, origin)];
}

async function* questions(client: Pve, target: Target, signal: AbortSignal): AsyncGenerator<Finding> {
  const { settings, defaults } = target;
  const grantee = granteeOf(settings.credentials);
  const version = await client.version({ signal });
  yield ok('login', `As ${[grantee.user, grantee.token].filter((part) => part !== undefined).join('!')}.`);
  yield judgeVersion(version);
  const view = await createInventory({ pve: client }).refresh(signal);
  const versions = createNodeVersions({ pve: client, now: Date.now });
  await versions.refresh(view.nodes, signal);
  const mixed = judgeMixedVersions(versions.releases);
  if (mixed) yield mixed;
  yield judgeQuorum(view);
  yield judgeNodes(view, settings.nodeSelector);
  const held = await client.access.permissions({ signal });
  yield judgePrivileges(missingPrivilegesOf(held, version.major, { to: grantee }), held, grantee);
  yield judgeStorage(view, defaults.storage);
  yield judgeIsoStorage(view, defaults.isoStorage);
  yield judgeBridges(await bridgesOf(client, view, signal), defaults.bridge);
  yield judgeTemplates(view);
  if (target.provider) yield* judgeGrants(target.provider, view);
}

async function bridgesOf(
  client: Pve,
  { nodes }: View,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const each = nodes
    .filter(({ online }) => online)
    .map(async ({ name }) => {
      const interfaces = await client.node(name).network({ signal });
      const bridges = interfaces.filter(({ type }) => type === 'bridge' || type === 'OVSBridge');
      return [name, bridges.map(({ iface }) => iface)] as const;
    });
  return new Map(await Promise.all(each));
}

function refusal(error: unknown, { credentials }: Settings, loggedIn: boolean): Finding {
  const check = loggedIn ? 'api' : 'login';
  if (error instanceof CredentialsError) return fail(check, error.message, 'Correct the credentials.');
  if (!(error instanceof PveError))
    return fail(
      check,
      `It could not be finished: ${causeOf(error)}.`,
      'Try again; see the logs of pveproxy.',
    );
  if (error.refusal !== 'unauthenticated')
    return loggedIn
      ? fail(check, error.message, 'See the logs of pveproxy.')
      : fail(
          check,
          error.message,
          'Check that the endpoint is an https address of Proxmox VE, which returns its version to every authenticated user; then see the logs of pveproxy.',
        );
  const { user, token } = granteeOf(credentials);
  return token === undefined
    ? fail(
        check,
        `Proxmox VE does not accept ${user}: ${error.pveMessage === '' ? error.message : error.pveMessage}`,
        'Check the realm and the password, and that the user is enabled and not expired:',
        [`pveum user list`],
      )
    : fail(
        check,
        `Proxmox VE does not accept the token ${user}!${token}: ${error.pveMessage}`,
        'It was removed, has expired, or has another secret. This shows the tokens there are, and until when; a lost secret takes a new token:',
        [`pveum user token list '${user}'`],
      );
}
