import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { bytes, MiB, millis, nodeName, seconds, upid, vmid } from '../../../src/lib/units.ts';
import { pve, type Pve } from '../../../src/pve/index.ts';
import { answer, data, withServer, type Received, type Respond, type Rig } from './raw-server.ts';

const UPID = upid('UPID:pve1:0003A1B2:01C2D3E4:65F00000:qmclone:9000:operator@pve!k8s:');

const withPve = (body: (pve: Pve, rig: Rig) => Promise<void>) =>
  withServer((rig) => body(pve(rig.transport.send), rig));
const node = (api: Pve) => api.node(nodeName('pve1'));
const guest = (api: Pve) => node(api).qemu(vmid(100));
const refusing = (status: number, message: string, errors?: Record<string, string>): Respond =>
  answer(status, message, { data: null, message: `${message}\n`, ...(errors && { errors }) });
const badParameter = (errors: Record<string, string>) =>
  refusing(400, 'Parameter verification failed.', errors);
const form = ({ server }: Rig) => Object.fromEntries(new URLSearchParams(server.received.at(-1)?.body));

/** The pieces between the boundaries, the empty one before the first and the end mark included. */
const partsOf = ({ headers, body }: Received): { head: string; body: string }[] => {
  const type = headers['content-type'] ?? '';
  const boundary = type.replace('multipart/form-data; boundary=', '--');
  return body.split(boundary).map((part) => {
    const [head = '', ...rest] = part.split('\r\n\r\n');
    return { head, body: rest.join('\r\n\r\n') };
  });
};

describe('nextid', () => {
  test('gives the lowest free number', () =>
    withPve(async (api, { server }) => {
      server.replies(data('103'));
      await expect(api.cluster.nextid()).resolves.toEqual({ free: true, vmid: 103 });
    }));

  test('says whether a number is free', () =>
    withPve(async (api, { server }) => {
      server.replies(data('500'), badParameter({ vmid: 'VM 500 already exists' }));
      await expect(api.cluster.nextid(vmid(500))).resolves.toEqual({ free: true, vmid: 500 });
      await expect(api.cluster.nextid(vmid(500))).resolves.toEqual({ free: false });
      expect(server.received[0]?.url).toBe('/api2/json/cluster/nextid?vmid=500');
    }));

  test('has nothing to give where the range is used up', () =>
    withPve(async (api, { server }) => {
      server.replies(refusing(500, 'unable to get any free VMID in range [500, 502]'));
      await expect(api.cluster.nextid()).resolves.toEqual({ free: false });
    }));

  test('fails on anything else', () =>
    withPve(async (api, { server }) => {
      server.replies(badParameter({ vmid: 'invalid format - value does not look like a valid VM ID\n' }));
      await expect(api.cluster.nextid(vmid(5))).rejects.toMatchObject({ refusal: 'invalid' });
    }));
});

describe('a migration', () => {
  test('says no more than what was asked', () =>
    withPve(async (api, rig) => {
      rig.server.replies(data(UPID), data(UPID));
      await guest(api).migrate({ target: nodeName('pve2') });
      expect(form(rig)).toEqual({ target: 'pve2' });
      await guest(api).migrate({
        target: nodeName('pve2'),
        online: true,
        withLocalDisks: true,
        targetStorage: 'fast',
      });
      expect(form(rig)).toEqual({
        target: 'pve2',
        online: '1',
        'with-local-disks': '1',
        targetstorage: 'fast',
      });
    }));
});

describe('a task', () => {
  test.each([
    [{ status: 'running' }, { state: 'running' }],
    [
      { status: 'stopped', exitstatus: 'OK' },
      { state: 'ok', warnings: 0 },
    ],
    [
      { status: 'stopped', exitstatus: 'WARNINGS: 2' },
      { state: 'ok', warnings: 2 },
    ],
    [
      { status: 'stopped', exitstatus: 'clone failed: no space' },
      { state: 'failed', exitStatus: 'clone failed: no space' },
    ],
    [{ status: 'stopped', exitstatus: 'unexpected status' }, { state: 'lost' }],
    [{ status: 'stopped', exitstatus: 'unable to read tail (got 0 bytes)' }, { state: 'lost' }],
    [{ status: 'stopped' }, { state: 'lost' }],
  ])('%j is %j', (reply, state) =>
    withPve(async (api, { server }) => {
      server.replies(data({ upid: UPID, ...reply }));
      await expect(node(api).task(UPID).status()).resolves.toEqual(state);
      expect(server.received[0]?.url).toBe(`/api2/json/nodes/pve1/tasks/${encodeURIComponent(UPID)}/status`);
    }),
  );

  test('that PVE has forgotten is lost', () =>
    withPve(async (api, { server }) => {
      server.replies(badParameter({ upid: 'no such task' }));
      await expect(node(api).task(UPID).status()).resolves.toEqual({ state: 'lost' });
    }));

  test('on a node that does not answer is not lost', () =>
    withPve(async (api, { server }) => {
      server.replies(answer(595, 'No route to host'));
      await expect(node(api).task(UPID).status()).rejects.toMatchObject({ refusal: 'unavailable' });
    }));

  test('gives the last lines of its log', () =>
    withPve(async (api, { server }) => {
      server.replies(data([1, 2, 3].map((n) => ({ n, t: `line ${n}` }))));
      await expect(node(api).task(UPID).log(2)).resolves.toEqual(['line 2', 'line 3']);
    }));

  test('in a list shows whether it has ended', () =>
    withPve(async (api, { server }) => {
      const row = {
        upid: UPID,
        node: 'pve1',
        type: 'qmclone',
        id: '9000',
        user: 'operator@pve',
        starttime: 1700000000,
      };
      server.replies(data([row, { ...row, endtime: '1700000060', status: 'OK', saved: '1' }]));
      const [running, ended] = await api.cluster.tasks();
      expect(running).toMatchObject({
        type: 'qmclone',
        id: '9000',
        startedAt: 1700000000000,
        ended: undefined,
      });
      expect(ended?.ended).toEqual({ at: 1700000060000, exitStatus: 'OK' });
    }));

  test('at work on a guest is asked for at the guest’s node', () =>
    withPve(async (api, { server }) => {
      server.replies(data([]));
      await expect(node(api).activeTasks(vmid(100))).resolves.toEqual([]);
      expect(server.received[0]?.url).toBe('/api2/json/nodes/pve1/tasks?source=active&limit=1000&vmid=100');
    }));
});

describe('a guest', () => {
  test('has its configuration as texts, with the digest apart', () =>
    withPve(async (api, { server }) => {
      server.replies(data({ digest: 'abc', memory: '2048', cores: 2, description: 'owner\n', template: '' }));
      await expect(guest(api).config()).resolves.toEqual({
        digest: 'abc',
        values: { memory: '2048', cores: '2', description: 'owner\n', template: '' },
      });
    }));

  test('has pending options, and the configuration that it starts with', () =>
    withPve(async (api, { server }) => {
      server.replies(
        data([
          { key: 'cores', value: 2, pending: 4 },
          { key: 'net1', value: 'virtio=BC:24:11:00:00:01', delete: 1 },
          { key: 'digest', value: 'abc' },
        ]),
      );
      await expect(guest(api).pending()).resolves.toEqual({
        digest: 'abc',
        values: { cores: '4' },
        options: [
          { key: 'cores', value: '2', pending: '4', delete: false },
          { key: 'net1', value: 'virtio=BC:24:11:00:00:01', pending: undefined, delete: true },
        ],
      });
    }));

  test('whose configuration comes without a digest is not read', () =>
    withPve(async (api, { server }) => {
      server.replies(data([{ key: 'cores', value: 2 }]));
      await expect(guest(api).pending()).rejects.toThrow('there is no digest');
    }));

  test('has a status, with what PVE leaves out or sends as null', () =>
    withPve(async (api, { server }) => {
      server.replies(
        data({
          status: 'stopped',
          qmpstatus: 'stopped',
          vmid: 100,
          clipboard: null,
          ha: { managed: 1, state: null },
          agent: 1,
        }),
      );
      await expect(guest(api).status()).resolves.toMatchObject({
        status: 'stopped',
        template: false,
        agent: true,
        ha: { managed: true, state: undefined },
      });
    }));

  test('is cloned with flags as 0 and 1 and only what was asked for', () =>
    withPve(async (api, rig) => {
      rig.server.replies(data(UPID));
      const request = {
        newid: vmid(101),
        name: 'web',
        description: 'mine',
        full: false,
        target: nodeName('pve2'),
      };
      await expect(guest(api).clone(request)).resolves.toBe(UPID);
      expect(form(rig)).toEqual({
        newid: '101',
        name: 'web',
        description: 'mine',
        full: '0',
        target: 'pve2',
      });
    }));

  test('is asked to shut down within whole seconds', () =>
    withPve(async (api, rig) => {
      rig.server.replies(data(UPID));
      await guest(api).shutdown({ timeout: millis(1500), forceStop: true });
      expect(form(rig)).toEqual({ timeout: '2', forceStop: '1' });
      await guest(api).shutdown({ timeout: seconds(60), forceStop: false });
      expect(form(rig)).toEqual({ timeout: '60', forceStop: '0' });
    }));

  test('has a disk resized to a size that PVE reads', () =>
    withPve(async (api, rig) => {
      rig.server.replies(data(null));
      await expect(
        guest(api).resize({ disk: 'scsi0', size: bytes(40 * 1024 ** 3) }),
      ).resolves.toBeUndefined();
      expect(form(rig)).toEqual({ disk: 'scsi0', size: '40G' });
      expect(rig.server.received[0]?.method).toBe('PUT');
    }));

  test('is configured without a task if PVE needs none', () =>
    withPve(async (api, { server }) => {
      server.replies(data(null));
      await expect(guest(api).setConfig({ cores: 2 }, { digest: 'abc' })).resolves.toBeUndefined();
    }));

  test.each([
    ['start', (api: Pve) => guest(api).start(), 'POST', '/status/start'],
    ['stop', (api: Pve) => guest(api).stop(), 'POST', '/status/stop'],
  ])('can be sent the request to %s', (_what, call, method, path) =>
    withPve(async (api, { server }) => {
      server.replies(data(UPID));
      await call(api);
      expect(server.received[0]).toMatchObject({ method, url: `/api2/json/nodes/pve1/qemu/100${path}` });
    }),
  );
});

describe('the guest agent', () => {
  test('tells how a command ended by its exit code; one of more output than is read counts as lost', () =>
    withPve(async (api, { server }) => {
      server.replies(data({ exited: 1, exitcode: 3, 'out-data': 'x'.repeat(100_000) }));
      await expect(guest(api).agent.execution(7)).resolves.toEqual({ state: 'ended', exitCode: 3 });
      server.replies(data({ exited: 1, exitcode: 0, 'out-data': 'x'.repeat(5 * MiB) }));
      await expect(guest(api).agent.execution(7)).resolves.toEqual({ state: 'lost' });
    }));

  test('names interfaces and addresses, also those that have none', () =>
    withPve(async (api, { server }) => {
      server.replies(
        data({
          result: [
            {
              name: 'eth0',
              'hardware-address': 'bc:24:11:00:00:01',
              'ip-addresses': [
                { 'ip-address': '192.0.2.20', 'ip-address-type': 'ipv4', prefix: 24 },
                { 'ip-address': '2001:db8::20', 'ip-address-type': 'ipv6', prefix: 64 },
              ],
            },
            { name: 'tun0' },
          ],
        }),
      );
      await expect(guest(api).agent.networkInterfaces()).resolves.toEqual({
        state: 'running',
        interfaces: [
          {
            name: 'eth0',
            mac: 'BC:24:11:00:00:01',
            addresses: [
              { address: '192.0.2.20', family: 'ipv4', prefix: 24 },
              { address: '2001:db8::20', family: 'ipv6', prefix: 64 },
            ],
          },
          { name: 'tun0', mac: undefined, addresses: [] },
        ],
      });
    }));

  test.each([
    ['No QEMU guest agent configured', 'notConfigured'],
    ['VM 100 is not running', 'stopped'],
    ['QEMU guest agent is not running', 'silent'],
    ["VM 100 qmp command 'guest-ping' failed - got timeout", 'silent'],
  ])('"%s" is an answer: %s', (message, state) =>
    withPve(async (api, { server }) => {
      server.replies(refusing(500, message));
      await expect(guest(api).agent.networkInterfaces()).resolves.toEqual({ state });
    }),
  );

  test('that answers with an error is not silent', () =>
    withPve(async (api, { server }) => {
      const message = 'Agent error: The command has been disabled for this instance';
      server.replies(refusing(500, message));
      await expect(guest(api).agent.networkInterfaces()).resolves.toEqual({ state: 'refused', message });
    }));

  test.each([
    [refusing(500, "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist"), 'notFound'],
    [
      refusing(403, 'Permission check failed (/vms/100, VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted)'),
      'forbidden',
    ],
    [refusing(500, "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout"), 'locked'],
    [answer(595, 'No route to host'), 'unavailable'],
  ])('does not hide other refusals', (respond, refusal) =>
    withPve(async (api, { server }) => {
      server.replies(respond);
      await expect(guest(api).agent.networkInterfaces()).rejects.toMatchObject({ refusal });
    }),
  );
});

describe('a storage', () => {
  const iso = Uint8Array.from([0, 255, 13, 10, 45, 45, 200]);

  test('takes an image as the last part of a body of known length', () =>
    withPve(async (api, { server }) => {
      server.replies(data(UPID));
      const file = { content: 'iso', filename: 'seed-1.iso', bytes: iso } as const;
      await expect(node(api).storage('local').upload(file)).resolves.toBe(UPID);
      const request = server.received[0]!;
      expect(request.url).toBe('/api2/json/nodes/pve1/storage/local/upload');
      expect(request.headers).toMatchObject({ 'content-length': String(request.body.length) });
      expect(request.headers['transfer-encoding']).toBeUndefined();
      const parts = partsOf(request);
      const names = parts.map(({ head }) => /name="([^"]+)"/.exec(head)?.[1]);
      expect(names).toEqual([undefined, 'content', 'checksum-algorithm', 'checksum', 'filename', undefined]);
      expect(parts[1]!.body).toBe('iso\r\n');
      expect(parts[3]!.body).toBe(`${createHash('sha256').update(iso).digest('hex')}\r\n`);
      expect(parts[4]!.head).toContain('filename="seed-1.iso"');
      expect(parts[4]!.body).toBe(`${Buffer.from(iso).toString('latin1')}\r\n`);
      expect(parts[5]!.head).toBe('--\r\n');
    }));

  test.each(['seed 1.iso', 'a"b.iso', '../seed.iso', 'seed.qcow2'])(
    'is not offered "%s", a name that PVE would change or refuse',
    (filename) =>
      withPve(async (api, { server }) => {
        const upload = node(api).storage('local').upload({ content: 'iso', filename, bytes: iso });
        await expect(upload).rejects.toMatchObject({ refusal: 'invalid' });
        expect(server.received).toEqual([]);
      }),
  );

  test('deletes a volume by its whole ID', () =>
    withPve(async (api, { server }) => {
      server.replies(data(UPID));
      await node(api).storage('local').deleteVolume('local:iso/seed-1.iso');
      expect(server.received[0]).toMatchObject({
        method: 'DELETE',
        url: '/api2/json/nodes/pve1/storage/local/content/local%3Aiso%2Fseed-1.iso',
      });
    }));

  test('lists its volumes', () =>
    withPve(async (api, { server }) => {
      server.replies(
        data([{ volid: 'local:iso/a.iso', content: 'iso', format: 'iso', size: '4096', ctime: 1700000000 }]),
      );
      await expect(node(api).storage('local').content('iso')).resolves.toEqual([
        {
          volid: 'local:iso/a.iso',
          content: 'iso',
          format: 'iso',
          size: 4096,
          vmid: undefined,
          ctime: 1700000000,
        },
      ]);
      expect(server.received[0]?.url).toContain('?content=iso');
    }));
});

describe('a node', () => {
  test('lists its interfaces', () =>
    withPve(async (api, { server }) => {
      server.replies(data([{ iface: 'vmbr0', type: 'bridge', active: 1, cidr: '192.0.2.1/24' }]));
      await expect(node(api).network()).resolves.toEqual([
        { iface: 'vmbr0', type: 'bridge', active: true, cidr: '192.0.2.1/24' },
      ]);
    }));
});

describe('the cluster', () => {
  test('on a single node has nodes but no cluster', () =>
    withPve(async (api, { server }) => {
      server.replies(
        data([{ id: 'node/pve1', name: 'pve1', nodeid: 0, online: 1, local: 1, type: 'node', level: '' }]),
      );
      await expect(api.cluster.status()).resolves.toEqual({
        cluster: undefined,
        nodes: [{ name: 'pve1', online: true, local: true }],
      });
    }));

  test('of several nodes says whether it has a majority', () =>
    withPve(async (api, { server }) => {
      server.replies(
        data([
          { type: 'cluster', id: 'cluster', name: 'prod', quorate: '0', nodes: 3, version: 5 },
          { type: 'node', id: 'node/pve1', name: 'pve1', online: 1, local: 1, ip: '192.0.2.1' },
          { type: 'node', id: 'node/pve2', name: 'pve2', online: 0 },
        ]),
      );
      await expect(api.cluster.status()).resolves.toEqual({
        cluster: { name: 'prod', quorate: false },
        nodes: [
          { name: 'pve1', online: true, local: true, ip: '192.0.2.1' },
          { name: 'pve2', online: false, local: false },
        ],
      });
    }));

  test('has resources; kinds we do not know are left out', () =>
    withPve(async (api, { server }) => {
      server.replies(
        data([
          {
            id: 'qemu/100',
            type: 'qemu',
            vmid: 100,
            node: 'pve1',
            status: 'running',
            tags: 'a;b',
            template: 0,
          },
          { id: 'node/pve1', type: 'node', node: 'pve1', status: 'online', maxcpu: 8, maxmem: 100, mem: 40 },
          {
            id: 'storage/pve1/local',
            type: 'storage',
            node: 'pve1',
            storage: 'local',
            status: 'available',
            content: 'iso',
            shared: 0,
          },
          { id: 'network/pve1/zone/localnetwork', type: 'network', node: 'pve1' },
        ]),
      );
      const rows = await api.cluster.resources();
      expect(rows.map(({ type }) => type)).toEqual(['qemu', 'node', 'storage']);
      expect(rows[0]).toEqual({
        type: 'qemu',
        vmid: 100,
        node: 'pve1',
        status: 'running',
        tags: ['a', 'b'],
        template: false,
      });
    }));
});

test('permissions show which privileges extend below their path', () =>
  withPve(async (api, { server }) => {
    server.replies(data({ '/vms': { 'VM.Audit': 1, 'VM.Clone': 0 } }));
    await expect(api.access.permissions()).resolves.toEqual({
      '/vms': { 'VM.Audit': true, 'VM.Clone': false },
    });
  }));
