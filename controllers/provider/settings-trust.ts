/** Which servers are trusted with the credentials of a Provider. Pure. */
import { normaliseFingerprint } from '../../src/pve/index.ts';
import type { ProviderSpec } from '../../src/api/index.ts';
import { lookupIn, ownLayers, splitNames, type Layers, type Lookup, type Owner } from './credentials.ts';
import type { Origins } from './endpoints.ts';
import { refuse, type Refused } from './settings-refusal.ts';
import { namesServers, tighten, type Trust } from './trust.ts';

type TrustResult = { readonly ok: true; readonly trust: Trust } | Refused;

/** The trust of the operator holds for its own endpoint only. */
export function trustOf(
  spec: ProviderSpec,
  layers: Layers,
  { owner, origins, atOperators }: Origins,
): TrustResult {
  const said = trustIn(lookupIn(ownLayers(layers)), spec);
  if (!said.ok) return said;
  const operators = trustIn(lookupIn(atOperators ? [layers.process] : []));
  if (!operators.ok) return operators;
  const decided =
    owner.who === 'foreignSecret'
      ? throughSecret(trustIn(lookupIn([layers.secret])), operators.trust, said.trust, owner)
      : decide(owner, operators.trust, said.trust);
  if (decided.ok && decided.trust.fingerprints.length > 0 && origins.some((at) => at.startsWith('http:')))
    return refuse(
      'EndpointInvalid',
      'Fingerprints need https endpoints: an http endpoint has no certificate to compare. Change the endpoint or remove the fingerprints.',
    );
  return decided;
}

/** As in the field `tls.caBundle`. */
const MAX_CA_CHARACTERS = 65_536;

const isPath = (text: string): boolean => /^(\/|\.{1,2}\/|~\/)\S+$/.test(text.trim());

function caProblem(ca: string): Refused | undefined {
  if (!ca.includes('-----BEGIN CERTIFICATE-----'))
    return refuse(
      'CABundleInvalid',
      `The CA bundle contains no certificate${isPath(ca) ? ' but the path of a file, which the operator does not read' : ''}: set it to PEM text that begins with -----BEGIN CERTIFICATE-----, as in /etc/pve/pve-root-ca.pem of a node.`,
    );
  return ca.length > MAX_CA_CHARACTERS
    ? refuse(
        'CABundleInvalid',
        'The CA bundle is larger than 64 KiB: leave only the CAs that signed the certificates of the servers, such as /etc/pve/pve-root-ca.pem of a node.',
      )
    : undefined;
}

/** What a Provider or a layer says about trust; a field of the spec takes precedence. */
function trustIn(lookup: Lookup, { tls, insecureSkipVerify }: Partial<ProviderSpec> = {}): TrustResult {
  const ca = tls?.caBundle ?? lookup('PVE_CA_BUNDLE');
  const problem = ca === undefined ? undefined : caProblem(ca);
  if (problem) return problem;
  const listed = tls?.fingerprints ?? splitNames(lookup('PVE_FINGERPRINT'));
  const fingerprints = listed.flatMap((text) => normaliseFingerprint(text) ?? []);
  if (fingerprints.length < listed.length)
    return refuse(
      'FingerprintInvalid',
      'A fingerprint is not a SHA-256 fingerprint, which has 32 bytes such as AB:CD:…. Print it with: openssl x509 -in /etc/pve/local/pve-ssl.pem -noout -fingerprint -sha256',
    );
  return {
    ok: true,
    trust: {
      ca,
      fingerprints,
      insecureSkipVerify: insecureSkipVerify ?? isTrue(lookup('PVE_INSECURE_SKIP_VERIFY')),
    },
  };
}

const isTrue = (text: string | undefined): boolean | undefined =>
  text === undefined ? undefined : /^(1|true|yes|on)$/i.test(text);

/** Who names no servers leaves them to the operator, and may still ask for certificates to be verified. */
const leftTo = (operators: Trust, own: Trust): Trust =>
  namesServers(own)
    ? own
    : { ...operators, ...(own.insecureSkipVerify === false && { insecureSkipVerify: false }) };

function decide(owner: Owner, operators: Trust, said: Trust): TrustResult {
  return owner.who === 'provider'
    ? { ok: true, trust: leftTo(operators, said) }
    : tightened(operators, said, 'the environment of the operator');
}

const throughSecret = (
  secrets: TrustResult,
  operators: Trust,
  said: Trust,
  { secret }: Extract<Owner, { who: 'foreignSecret' }>,
): TrustResult =>
  secrets.ok ? tightened(leftTo(operators, secrets.trust), said, `Secret ${secret}`) : secrets;

function tightened(owners: Trust, said: Trust, owner: string): TrustResult {
  const result = tighten(owners, said);
  if (result.ok) return result;
  return refuse(
    'TrustNotAllowed',
    `The credentials come from ${owner}, which alone says which servers are trusted with them: with ${result.looser} of this Provider, more servers could read them. Remove it, or bring credentials of your own: set spec.credentialSecretRef to a Secret in the namespace of the Provider.`,
  );
}
