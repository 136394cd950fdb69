/** The layers below the API: the name, the port, the certificate. */
import { lookup } from 'node:dns/promises';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import type { Settings } from '../../../controllers/index.ts';
import { seconds } from '../../lib/units.ts';
import { certificatesIn } from '../../pve/index.ts';
import { causeOf } from './cause.ts';
import { fail, ok, warn, type Finding } from './finding.ts';

const LIMIT = seconds(8);
const DAY = 24 * 3600 * 1000;
const EXPIRES_SOON_WITHIN = 14 * DAY;

interface Place {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

const placeOf = (origin: string): Place => {
  const { hostname, port, protocol } = new URL(origin);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
};

/** Resolves the name and opens a connection. */
export async function probeNetwork(origin: string): Promise<Finding> {
  const { host, port } = placeOf(origin);
  let addresses: readonly string[];
  try {
    addresses = (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    return fail(
      'network',
      `The name ${host} cannot be resolved (${causeOf(error)}).`,
      'Correct the endpoint, or the DNS of the place where this runs.',
    );
  }
  try {
    await opened(connectTcp({ host, port }), 'connect');
  } catch (error) {
    return fail(
      'network',
      `${host} port ${port} does not answer (${causeOf(error)}).`,
      'Check host and port of the endpoint (Proxmox VE listens on 8006), firewalls and network policies.',
    );
  }
  const names = addresses.includes(host) ? host : `${host} (${addresses.join(', ')})`;
  return ok('network', `${names} port ${port} answers.`);
}

/** Performs the TLS handshake as the operator would, except that it reads the certificate before verifying it. */
export async function probeTls(settings: Settings, origin: string): Promise<Finding> {
  if (!origin.startsWith('https:'))
    return warn('tls', 'The endpoint is http: credentials travel unprotected.', 'Use https.');
  const { host, port } = placeOf(origin);
  const socket = connectTls({
    host,
    port,
    rejectUnauthorized: false,
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ...(settings.ca !== undefined && { ca: settings.ca }),
  });
  try {
    await opened(socket, 'secureConnect');
  } catch (error) {
    return fail(
      'tls',
      `No TLS connection came about (${causeOf(error)}).`,
      'Check that the endpoint is an https address of Proxmox VE, and that the CA is PEM.',
    );
  }
  const certificate = socket.getPeerCertificate(true);
  const verdict = judge(settings, socket, certificate);
  socket.destroy();
  return verdict;
}

const nameOf = (subject: DetailedPeerCertificate['subject'] | undefined): string =>
  [subject?.CN ?? subject?.O ?? 'nobody'].flat().join(' ');

function authorityOf({ ca }: Pick<Settings, 'ca'>): string {
  if (ca === undefined) return "the system's authorities";
  return certificatesIn(ca).length > 0
    ? 'the given CA'
    : 'the given CA, in which no certificate can be read, as if it were cut off or altered';
}

function judge(settings: Settings, socket: TLSSocket, certificate: DetailedPeerCertificate): Finding {
  const names = (certificate.subjectaltname ?? '').replaceAll(/DNS:|IP Address:/g, '');
  const about = `the certificate of "${nameOf(certificate.subject)}", signed by "${nameOf(certificate.issuer)}", for ${names === '' ? 'no name' : names}`;
  if (settings.fingerprints.length > 0)
    return compare(settings.fingerprints, certificate.fingerprint256, about);
  const by = authorityOf(settings);
  const problem = socket.authorized ? undefined : String(socket.authorizationError);
  if (settings.insecureSkipVerify)
    return warn(
      'tls',
      `Nothing is verified (insecureSkipVerify); ${about} ${problem === undefined ? 'would be trusted' : `would not be trusted: ${problem}`}.`,
      'Give the CA (ca.crt in the Secret, or PVE_CA_BUNDLE) and leave insecureSkipVerify out.',
    );
  if (problem !== undefined) return untrusted(problem, about, by);
  const left = Date.parse(certificate.valid_to) - Date.now();
  const trusted = `${about.charAt(0).toUpperCase()}${about.slice(1)}, is trusted by ${by}`;
  return left < EXPIRES_SOON_WITHIN
    ? warn('tls', `${trusted}, but ends on ${certificate.valid_to}.`, 'Renew it.', [
        'pvecm updatecerts --force',
      ])
    : ok('tls', `${trusted}.`);
}

/** Where a fingerprint is given it alone decides. */
function compare(given: readonly string[], found: string, about: string): Finding {
  return given.includes(found)
    ? ok('tls', `It is the certificate with the given fingerprint: ${about}.`)
    : fail(
        'tls',
        `Its fingerprint is none of those given, but ${found}: ${about}.`,
        'If the certificate was renewed, compare on the node and give the new fingerprint:',
        ['openssl x509 -in /etc/pve/local/pve-ssl.pem -noout -fingerprint -sha256'],
      );
}

function untrusted(problem: string, about: string, by: string): Finding {
  const found = `Not trusted by ${by} (${problem}): ${about}.`;
  if (problem === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return fail(
      'tls',
      found,
      "Use one of the certificate's names in the endpoint, or add the endpoint's name to it.",
    );
  if (problem === 'CERT_HAS_EXPIRED') return fail('tls', found, 'Renew it.', ['pvecm updatecerts --force']);
  return fail(
    'tls',
    found,
    'Give the CA that signed it: ca.crt in the Secret, or PVE_CA_BUNDLE (or the fingerprint of the certificate). It is on each node:',
    ['cat /etc/pve/pve-root-ca.pem'],
  );
}

function opened(socket: ReturnType<typeof connectTcp>, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(LIMIT, () => socket.destroy(new Error(`no answer within ${LIMIT / 1000} s`)));
    socket.once('error', reject);
    socket.once(event, () => {
      if (event === 'connect') socket.destroy();
      resolve();
    });
  });
}
