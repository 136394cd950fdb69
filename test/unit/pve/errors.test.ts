import { describe, expect, test } from '@jest/globals';
import { isPersistent, refusalError, noAnswerError, type Call } from '../../../src/pve/errors.ts';

const call = (over: Partial<Call> = {}): Call => ({
  method: 'POST',
  route: '/nodes/{node}/qemu/{vmid}/config',
  path: '/nodes/pve1/qemu/100/config',
  harmless: false,
  redact: (text) => text,
  ...over,
});

const said = (status: number, message: string, fields: Record<string, string> = {}) =>
  refusalError(call(), { status, reason: message, message: `${message}\n`, fields });

describe('a refusal in prose', () => {
  test.each([
    ["Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist", 'notFound', 'guest'],
    ["unable to find configuration file for VM 999 on node 'pve1'", 'notFound', 'guest'],
    ["no such cluster node 'pve9'", 'notFound', 'node'],
    [
      "hostname lookup 'nonode' failed - failed to get address info for: nonode: Name or service not known",
      'notFound',
      'node',
    ],
    ["storage 'nostore' does not exist", 'notFound', 'storage'],
    ["volume 'local:iso/none.iso' does not exist", 'notFound', 'volume'],
    ["disk 'scsi7' does not exist", 'notFound', 'disk'],
    ["snapshot 'nosuch' does not exist", 'notFound', 'snapshot'],
    ['VM is locked (clone)', 'locked', undefined],
    ["can't lock file '/var/lock/qemu-server/lock-120.conf' - got timeout", 'locked', undefined],
    ['Failed to obtain guest migration lock - replication running?', 'locked', undefined],
    ["cfs-lock 'file-user_cfg' error: got lock request timeout", 'locked', undefined],
    ['checksum mismatch (file change by other user?)', 'stale', undefined],
    ['detected modified configuration - file changed by other user? Try again.', 'stale', undefined],
    ['unable to create VM 101: config file already exists', 'exists', undefined],
    ["unable to create VM 100 - VM 100 already exists on node 'pve1'", 'exists', undefined],
    [
      "close (rename) atomic file '/etc/pve/nodes/pve1/qemu-server/100.conf' failed: File exists",
      'exists',
      undefined,
    ],
    ['cluster not ready - no quorum?', 'noQuorum', undefined],
    [
      "unable to open file '/etc/pve/nodes/pve1/qemu-server/101.conf.tmp.4711' - Permission denied",
      'noQuorum',
      undefined,
    ],
    ["cfs-lock 'storage-ceph' error: no quorum!", 'noQuorum', undefined],
    ["unable to open file '/mnt/pve/nfs/x.conf' - Permission denied", 'unknown', undefined],
    ["only root can set 'args' config", 'forbidden', undefined],
    ['Only root can pass arbitrary filesystem paths. at Storage.pm line 651.', 'forbidden', undefined],
    [
      "Linked clone feature is not supported for 'fast:100/vm-100-disk-0.qcow2' (scsi0)",
      'invalid',
      undefined,
    ],
    ["parameter 'storage' not allowed for linked clones", 'invalid', undefined],
    ["can't clone VM to node 'pve2' (VM uses local storage)", 'invalid', undefined],
    ["can't remove VM 101 - protection mode enabled", 'invalid', undefined],
    ["invalid bootorder: device 'scsi9' does not exist'", 'invalid', undefined],
    ['SSH public key validation error', 'invalid', undefined],
    ['VM 101 is running - destroy failed', 'unknown', undefined],
    ['VM 100 not running', 'unknown', undefined],
    ['something never seen before', 'unknown', undefined],
  ])('%s', (message, refusal, absent) => {
    expect(said(500, message)).toMatchObject({ refusal, absent });
    expect(said(500, message).message).toContain(message);
  });
});

describe('a refusal by status', () => {
  test.each([
    [400, 'invalid'],
    [401, 'unauthenticated'],
    [403, 'forbidden'],
    [404, 'invalid'],
    [301, 'invalid'],
    [501, 'invalid'],
    [500, 'unknown'],
  ])('%d', (status, refusal) => {
    expect(said(status, '')).toMatchObject({ refusal, code: String(status) });
  });

  test.each([502, 503, 504, 595, 596, 597, 598, 599])(
    '%d leaves a change in doubt, and a read unanswered',
    (status) => {
      const answer = { status, reason: 'No route to host', message: undefined, fields: {} };
      expect(refusalError(call(), answer).refusal).toBe('unknownOutcome');
      expect(refusalError(call({ method: 'GET', harmless: true }), answer).refusal).toBe('unavailable');
    },
  );
});

describe('a refused parameter', () => {
  const verification = (fields: Record<string, string>) =>
    said(400, 'Parameter verification failed.', fields);

  test.each([
    [{ upid: 'no such task' }, 'notFound', 'task'],
    [{ upid: 'unable to parse worker upid' }, 'invalid', undefined],
    [{ vmid: 'VM 102 already exists' }, 'exists', undefined],
    [{ vmid: 'invalid format - value does not look like a valid VM ID\n' }, 'invalid', undefined],
    [{ storage: 'No such storage.' }, 'notFound', 'storage'],
    [{ cores: "type check ('integer') failed - got 'x'" }, 'invalid', undefined],
  ])('%j', (fields, refusal, absent) => {
    expect(verification(fields)).toMatchObject({ refusal, absent });
  });

  test('is named in the message, each with its complaint, on one line', () => {
    const error = verification({
      net0: 'invalid format - format error\nnet0.model: property is missing\n',
      cores: 'too many',
    });
    expect(error.message).toBe(
      'Proxmox VE answered POST /nodes/pve1/qemu/100/config with 400: Parameter verification failed. ' +
        'net0: invalid format - format error net0.model: property is missing cores: too many.',
    );
    expect(error.fields).toEqual({
      net0: 'invalid format - format error net0.model: property is missing',
      cores: 'too many',
    });
  });

  test.each(['sshkeys', 'cipassword', 'password', 'token-secret'])('%s is not quoted', (field) => {
    const error = verification({ [field]: 'invalid urlencoded string: topsecret' });
    expect(JSON.stringify([error.message, error.fields, error.pveMessage])).not.toContain('topsecret');
    expect(error.message).toContain(field);
  });
});

describe('a missing privilege', () => {
  test.each([
    [
      'Permission check failed (/vms/100, VM.Config.Disk)',
      { path: '/vms/100', privileges: ['VM.Config.Disk'] },
    ],
    [
      'Permission check failed (/storage/local, Datastore.Audit|Datastore.AllocateSpace)',
      { path: '/storage/local', privileges: ['Datastore.Audit', 'Datastore.AllocateSpace'] },
    ],
    ['Permission check failed (/, Sys.Audit)', { path: '/', privileges: ['Sys.Audit'] }],
    ['Permission check failed', undefined],
    ["Permission check failed (pool 'nope' does not exist)", undefined],
  ])('%s', (message, missing) => {
    const error = said(403, message);
    expect(error.refusal).toBe('forbidden');
    expect(error.missing).toEqual(missing);
  });
});

describe('a missing privilege that Proxmox VE does not name', () => {
  const needs = [
    { path: '/storage/local', anyOf: ['Datastore.AllocateTemplate'] },
    { path: '/nodes/pve1', anyOf: ['Sys.AccessNetwork'] },
  ] as const;
  const message = 'Permission check failed';
  const refused = (over: Partial<Call>, text = message) =>
    refusalError(call(over), { status: 403, reason: message, message: `${text}\n`, fields: {} }).message;

  test('is looked for among those that the request needs', () => {
    expect(refused({ needs })).toMatch(
      /failed\. The request needs Datastore\.AllocateTemplate on \/storage\/local and Sys\.AccessNetwork on \/nodes\/pve1: grant what is missing/,
    );
  });

  test('is not guessed where Proxmox VE names it, or where it may be one of many', () => {
    expect(refused({ needs }, 'Permission check failed (/nodes/pve1, Sys.Audit)')).not.toContain('needs');
    expect(refused({ needs: [...needs, ...needs] })).not.toContain('needs');
    expect(refused({})).not.toContain('needs');
  });
});

describe('a message', () => {
  test('is taken from the reason phrase where the body has none', () => {
    const error = refusalError(call(), {
      status: 500,
      reason: 'VM is locked (backup)',
      message: undefined,
      fields: {},
    });
    expect(error).toMatchObject({ refusal: 'locked', pveMessage: 'VM is locked (backup)' });
  });

  test('explains what an untrusted certificate between two nodes means', () => {
    const reason = 'tls_process_server_certificate: certificate verify failed';
    const error = refusalError(call(), { status: 596, reason, message: undefined, fields: {} });
    expect(error.message).toContain('does not trust the certificate');
  });

  test('has an end', () => {
    expect(said(500, 'x'.repeat(5000)).message.length).toBeLessThan(1024);
  });
});

describe('a call without an answer', () => {
  test('changed nothing if it was never sent', () => {
    expect(noAnswerError(call(), { code: 'ECONNREFUSED', sent: false })).toMatchObject({
      refusal: 'unavailable',
      code: 'ECONNREFUSED',
    });
  });

  test('leaves a change in doubt if it was sent', () => {
    expect(noAnswerError(call(), { code: 'ECONNRESET', sent: true }).refusal).toBe('unknownOutcome');
    expect(noAnswerError(call(), { code: 'ECONNREFUSED', sent: false }).noAnswer).toBe(
      'nothing listens at the endpoint. Check the endpoint, and that the API service (pveproxy) runs there and can be reached from the operator.',
    );
  });

  test('leaves no doubt about a read', () => {
    expect(noAnswerError(call({ harmless: true }), { code: 'timeout', sent: true }).refusal).toBe(
      'unavailable',
    );
  });

  test('says how to make an untrusted certificate trusted', () => {
    const error = noAnswerError(call(), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT', sent: false });
    expect(error.message).toContain('pve-root-ca.pem');
  });
});

test.each(['timeout', 'UND_ERR_CONNECT_TIMEOUT', 'crowded'])(
  'a server that does not answer (%s) is not asked again at once, and the advice is to look at the server',
  (code) => {
    expect(isPersistent(code)).toBe(true);
    expect(noAnswerError(call(), { code, sent: false }).noAnswer).toContain('Check the endpoint');
  },
);
