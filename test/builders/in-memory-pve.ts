/** A small Proxmox VE in memory behind the client's `Send`: guests, tasks that take their time, volumes, locks. */
import { PveError, type Refusal, type Send, type StreamedFile } from '../../src/pve/index.ts';
import { parseDisk, parseNic, parseSize } from '../../src/pve/index.ts';
import { GiB } from '../../src/lib/units.ts';
import { parseMark } from '../../controllers/shared/guests/owner-mark.ts';
import type { GuestConfig } from '../../controllers/shared/guests/model.ts';
import { cloned, configured, grown, refusalOf, takesEffectNow } from './guest-model.ts';
import { TEMPLATE_CONFIG } from './guests.ts';

export interface ModelGuest {
  readonly vmid: number;
  node: string;
  config: GuestConfig;
  /** What runs, where that differs from the configuration. */
  inForce: GuestConfig;
  running: boolean;
  /** QEMU's run state, where it is not what `running` says. */
  halted?: string | undefined;
  /** State of its HA resource; absent: HA has nothing to do with it. */
  ha?: string | undefined;
  /** Epoch ms. */
  startedAt: number;
  digest: number;
  agent: 'running' | 'silent';
  snapshots: Map<string, ModelSnapshot>;
  /** The snapshot that its present state is based on. */
  basedOn?: string | undefined;
}

export interface ModelSnapshot {
  readonly description: string;
  readonly memory: boolean;
  /** Of the guest when it was taken. Absent: it does not matter. */
  readonly config?: GuestConfig;
  /** Epoch ms. */
  readonly takenAt: number;
  parent: string | undefined;
  /** `prepare` or `delete`: it was left behind half made. */
  readonly state?: string | undefined;
}

interface ModelTask {
  readonly upid: string;
  readonly node: string;
  readonly type: string;
  readonly id: string;
  readonly startedAt: number;
  readonly endsAt: number;
  /** What it does at its end; a text: it fails with it. */
  readonly finish: () => unknown;
  exit: string | undefined;
}

export type Params = Readonly<Record<string, unknown>>;
type Handler = (params: Params) => unknown;

/** They share nothing; the template is on the first. */
const NODES = ['pve-1', 'pve-2'];

export class InMemoryPve {
  readonly guests = new Map<number, ModelGuest>();
  readonly volumes = new Set<string>();
  /** By volume, the nodes that downloaded it: each has a storage `local` of its own. Absent: all have it. */
  readonly #downloadedTo = new Map<string, Set<string>>();
  /** Volumes that are linked clones of `image@snapshot`, with the guests that they belong to. */
  readonly linked = new Map<string, { readonly vmid: number; readonly parent: string }>();
  /** Type of the storage with the disks. */
  diskStorage = 'lvmthin';
  /** Of files that were uploaded, in bytes. */
  readonly sizes = new Map<string, number>();
  /** Method and path template of every request. */
  readonly requests: string[] = [];
  /** Commands that the agents of guests were given. */
  readonly executed: string[] = [];
  quorate = true;
  /** How the next tasks of a type end, if not well. */
  readonly failures: { type: string; exit: string }[] = [];
  taskMs = 300;
  /** Log of every task. */
  taskLog: readonly string[] = ['TASK OK'];
  /** How long HA takes to notice, and then to act. */
  haMs = 10_000;
  /** How often a guest that ran went off. */
  /** What the storage `local` of each node is for. */
  localContent = 'iso';
  stops = 0;
  /** How often a disk image was uploaded completely. */
  uploads = 0;
  /** How often a file was asked to be downloaded. */
  downloads = 0;
  /** How often a guest was rolled back. */
  rollbacks = 0;
  readonly #tasks: ModelTask[] = [];
  #uploadedBytes = 0;
  #late: { readonly at: number; readonly run: () => void }[] = [];
  readonly #now: () => number;

  constructor(now: () => number, template: GuestConfig = TEMPLATE_CONFIG) {
    this.#now = now;
    this.add(9000, { ...template, template: '1' });
  }

  add(vmid: number, config: GuestConfig, change: Partial<ModelGuest> = {}): ModelGuest {
    const guest: ModelGuest = {
      vmid,
      node: 'pve-1',
      config,
      inForce: config,
      running: false,
      startedAt: 0,
      digest: 1,
      agent: 'running',
      snapshots: new Map(),
      ...change,
    };
    this.guests.set(vmid, guest);
    return guest;
  }

  guestsOf(uid: string): ModelGuest[] {
    return [...this.guests.values()].filter(({ config }) => parseMark(config['description'])?.uid === uid);
  }

  /** Lets everything happen that is due by now. */
  settle(): void {
    const due = this.#late.filter(({ at }) => at <= this.#now());
    this.#late = this.#late.filter(({ at }) => at > this.#now());
    for (const { run } of due) run();
    for (const task of this.#tasks) {
      if (task.exit !== undefined || task.endsAt > this.#now()) continue;
      task.exit = this.#failureOf(task.type) ?? 'OK';
      const failed = task.exit === 'OK' ? task.finish() : undefined;
      if (typeof failed === 'string') task.exit = failed;
      if (task.exit !== 'OK') this.#tidyUpAfter(task.type);
    }
  }

  /** The same at a moment when nothing is on its way or running: what then becomes of one does not change the other. */
  copy(now: () => number): InMemoryPve {
    if (this.#late.length > 0 || this.#tasks.some(({ exit }) => exit === undefined))
      throw new Error('Something is still on its way or running.');
    const copy = new InMemoryPve(now);
    for (const [vmid, { snapshots, ...guest }] of this.guests) {
      const copied = [...snapshots].map(([name, snapshot]) => [name, { ...snapshot }] as const);
      copy.guests.set(vmid, { ...guest, snapshots: new Map(copied) });
    }
    for (const volume of this.volumes) copy.volumes.add(volume);
    copy.#tasks.push(...this.#tasks);
    return copy;
  }

  /** The request arrives only after a while. */
  deliverLate(at: number, run: () => void): void {
    this.#late.push({ at, run });
  }

  readonly send: Send = async (endpoint, params, options) => {
    const route = `${endpoint.method} ${endpoint.path}`;
    this.requests.push(route);
    const { file } = options ?? {};
    if (file && 'pieces' in file) {
      await received(file, endpoint);
      this.#uploadedBytes = file.bytes;
    }
    return new Promise((resolve) => resolve(endpoint.reply.parse(this.answer(route, params as Params))));
  };

  /** How the next request of this kind fails, if it is to. */
  #failureOf(kind: string): string | undefined {
    const failure = this.failures.findIndex(({ type }) => type === kind);
    return failure < 0 ? undefined : this.failures.splice(failure, 1)[0]?.exit;
  }

  /** @throws PveError where PVE would refuse */
  answer(route: string, params: Params): unknown {
    this.settle();
    const handler = this.#routes[route];
    if (!handler) throw new Error(`The model does not know ${route}.`);
    return handler(params);
  }

  #tidyUpAfter(type: string): void {
    if (type === 'qmclone') this.#abandon('clone');
    if (type === 'qmcreate') this.#abandon('create');
    if (type === 'imgcopy') this.#removeIncomplete();
  }

  #removeIncomplete(): void {
    for (const [volume, size] of this.sizes)
      if (size < this.#uploadedBytes) {
        this.volumes.delete(volume);
        this.sizes.delete(volume);
      }
  }

  /** Guests that were not completed are removed again. */
  #abandon(lock: 'clone' | 'create'): void {
    for (const [vmid, { config }] of this.guests) if (config['lock'] === lock) this.guests.delete(vmid);
  }

  /** Until it is complete, its configuration is the lock alone. */
  #create({ node, vmid, pool: _pool, ...settings }: Params): string {
    const number = Number(vmid);
    if (!this.#isFree(number))
      throw refusal('exists', `unable to create VM ${number} - VM ${number} already exists on node 'pve-1'`);
    const guest = this.add(number, { lock: 'create' }, { node: String(node) });
    return this.#begin('qmcreate', { node, vmid }, () => {
      const set = settings as Readonly<Record<string, string | number>>;
      const image = Object.values(set)
        .map((text) => parseDisk(String(text)))
        .find(
          ({ volume, cdrom }) =>
            cdrom && volume !== 'none' && !volume.endsWith(':cloudinit') && !this.volumes.has(volume),
        );
      if (image) return `unable to create VM ${number} - volume '${image.volume}' does not exist`;
      const [, file] = /import-from=([^,]+)/.exec(String(set['scsi0'])) ?? [];
      if (file !== undefined && !this.#hasVolume(file, node)) return `failed to stat '${file}'`;
      const own = { smbios1: `uuid=00000000-0000-0000-0000-${String(number).padStart(12, '0')}`, ...set };
      guest.config = configured(number, {}, own, []);
      guest.inForce = guest.config;
      return undefined;
    });
  }

  #begin(type: string, at: Params, finish: () => unknown, id = String(at['vmid'])): string {
    const startedAt = this.#now();
    const node = String(at['node']);
    const hex = (n: number): string => n.toString(16).toUpperCase().padStart(8, '0');
    const upid = `UPID:${node}:${hex(this.#tasks.length + 1)}:00000001:${hex(Math.floor(startedAt / 1000))}:${type}:${id}:operator@pve:`;
    this.#tasks.push({
      upid,
      node,
      type,
      id,
      startedAt,
      endsAt: startedAt + this.taskMs,
      finish,
      exit: undefined,
    });
    return upid;
  }

  #guest(at: Params): ModelGuest {
    const guest = this.guests.get(Number(at['vmid']));
    if (guest && guest.node === at['node']) return guest;
    throw refusal('notFound', `Configuration file '${String(at['vmid'])}.conf' does not exist`, 'guest');
  }

  /** A guest that may be changed now. */
  #free(at: Params): ModelGuest {
    const guest = this.#guest(at);
    const busy = this.#tasks.some(({ id, exit }) => id === String(guest.vmid) && exit === undefined);
    if (busy || guest.config['lock'] !== undefined) throw refusal('locked', 'VM is locked');
    return guest;
  }

  readonly #isFree = (vmid: number): boolean => !this.guests.has(vmid);

  #power(type: string, running: boolean): Handler {
    return (at) => {
      const guest = this.#free(at);
      if (guest.ha !== undefined) return this.#askHa(running, at);
      return this.#begin(type, at, () => {
        if (guest.running && !running) this.stops += 1;
        guest.running = running;
        guest.startedAt = this.#now();
        guest.inForce = guest.config;
      });
    };
  }

  /** A write of the configuration, as far as PVE accepts it. */
  #write({ node, vmid, digest, delete: remove, ...set }: Params) {
    const at = { node, vmid };
    const guest = this.#free(at);
    if (digest !== `digest-${guest.digest}`) throw refusal('stale', 'detected modified configuration');
    const keys = set as Readonly<Record<string, string | number>>;
    const gone = typeof remove === 'string' ? remove.split(',') : [];
    const invalid = refusalOf(keys, gone);
    if (invalid !== undefined) throw refusal('invalid', invalid);
    return { at, guest, keys, gone };
  }

  /** The task ends at once; HA notices the request a while later. */
  #askHa(running: boolean, at: Params): string {
    const guest = this.#guest(at);
    return this.#begin(running ? 'hastart' : 'hastop', at, () => {
      if (guest.ha === 'error') return;
      this.deliverLate(this.#now() + this.haMs, () => {
        guest.ha = running ? 'started' : 'request_stop';
      });
      this.deliverLate(this.#now() + 2 * this.haMs, () => {
        guest.ha = running ? 'started' : 'stopped';
        guest.running = running;
        guest.inForce = guest.config;
      });
    });
  }

  #takeSnapshot({ snapname, description, vmstate, ...at }: Params): string {
    const guest = this.#free(at);
    return this.#begin('qmsnapshot', at, () => {
      const name = String(snapname);
      if (guest.snapshots.has(name)) return `snapshot name '${name}' already used`;
      guest.snapshots.set(name, {
        description: String(description),
        memory: vmstate === true && guest.running,
        config: { ...guest.config },
        takenAt: this.#now(),
        parent: guest.basedOn,
      });
      guest.basedOn = name;
      return undefined;
    });
  }

  #rollBack({ snapname, ...at }: Params): string {
    const guest = this.#free(at);
    return this.#begin('qmrollback', at, () => {
      const snapshot = guest.snapshots.get(String(snapname));
      if (!snapshot) return `snapshot '${String(snapname)}' does not exist`;
      guest.basedOn = String(snapname);
      guest.running = snapshot.memory;
      this.rollbacks += 1;
      return undefined;
    });
  }

  #deleteSnapshot({ snapname, ...at }: Params): string {
    const guest = this.#free(at);
    return this.#begin('qmdelsnapshot', at, () => {
      const name = String(snapname);
      const gone = guest.snapshots.get(name);
      if (!gone) return `snapshot '${name}' does not exist`;
      const child = [...this.linked.values()].find(
        ({ parent }) => parent === `vm-${guest.vmid}-disk-0@${name}`,
      );
      if (child) {
        guest.snapshots.set(name, { ...gone, state: 'delete' });
        guest.config = { ...guest.config, lock: 'snapshot-delete' };
        return `rbd unprotect vm-${guest.vmid}-disk-0 snap '${name}' error: rbd: unprotecting snap failed: (16) Device or resource busy`;
      }
      guest.snapshots.delete(name);
      for (const child of guest.snapshots.values()) if (child.parent === name) child.parent = gone.parent;
      if (guest.basedOn === name) guest.basedOn = gone.parent;
      return undefined;
    });
  }

  readonly #routes: Readonly<Record<string, Handler>> = {
    'GET /nodes/{node}/tasks': ({ node, vmid }) =>
      this.#tasks
        .filter(
          (task) =>
            task.node === node &&
            (vmid === undefined || task.id === `${Number(vmid)}`) &&
            task.exit === undefined,
        )
        .map(({ upid, type, id, startedAt }) => ({
          upid,
          node,
          type,
          id,
          user: 'operator@pve',
          starttime: startedAt / 1000,
        })),
    'GET /nodes/{node}/tasks/{upid}/log': () => this.taskLog.map((t, n) => ({ n: n + 1, t })),
    'GET /nodes/{node}/qemu/{vmid}/feature': (at) => {
      this.#guest(at);
      return { hasFeature: 1 };
    },
    'GET /nodes/{node}/qemu/{vmid}/snapshot': (at) => {
      const { snapshots, basedOn } = this.#guest(at);
      return [
        ...[...snapshots].map(([name, { description, memory, takenAt, parent, state }]) => ({
          name,
          description,
          vmstate: memory ? 1 : 0,
          snaptime: Math.floor(takenAt / 1000),
          parent,
          snapstate: state,
        })),
        { name: 'current', description: 'You are here!', parent: basedOn },
      ];
    },
    'POST /nodes/{node}/qemu/{vmid}/snapshot': (params) => this.#takeSnapshot(params),
    'POST /nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback': (params) => this.#rollBack(params),
    'DELETE /nodes/{node}/qemu/{vmid}/snapshot/{snapname}': (params) => this.#deleteSnapshot(params),
    'GET /cluster/resources': () => [
      ...NODES.flatMap((node) => [
        { type: 'node', node, status: 'online', maxcpu: 8, maxmem: 64 * GiB, mem: 16 * GiB },
        {
          type: 'storage',
          node,
          storage: 'local-lvm',
          status: 'available',
          plugintype: this.diskStorage,
          content: 'images',
        },
        {
          type: 'storage',
          node,
          storage: 'local',
          status: 'available',
          plugintype: 'dir',
          content: this.localContent,
        },
      ]),
      ...[...this.guests.values()].map(({ vmid, node, config, running, halted, ha }) => ({
        type: 'qemu',
        vmid,
        node,
        name: config['name'],
        status: running ? (halted ?? 'running') : 'stopped',
        hastate: ha,
        template: config['template'],
        lock: config['lock'],
        maxcpu: Number(config['vcpus'] ?? config['cores'] ?? 1),
        maxmem: Number(config['memory'] ?? 512) * 1024 ** 2,
      })),
    ],
    'GET /cluster/tasks': () =>
      this.#tasks.map(({ upid, node, type, id, startedAt, endsAt, exit }) => ({
        upid,
        node,
        type,
        id,
        user: 'operator@pve',
        starttime: startedAt / 1000,
        ...(exit !== undefined && { endtime: endsAt / 1000, status: exit }),
      })),
    'GET /cluster/status': () => [
      { type: 'cluster', name: 'homelab', quorate: this.quorate ? 1 : 0 },
      { type: 'node', name: 'pve-1', online: 1, local: 1 },
    ],
    'GET /cluster/nextid': ({ vmid }) => {
      if (vmid !== undefined) {
        if (this.#isFree(Number(vmid))) return vmid;
        throw refusal('exists', `VM ${Number(vmid)} already exists`);
      }
      let lowest = 100;
      while (!this.#isFree(lowest)) lowest += 1;
      return lowest;
    },
    'GET /nodes/{node}/network': () =>
      ['vmbr0', 'vmbr1', 'vmbr2'].map((iface) => ({ iface, type: 'bridge', active: 1 })),
    'GET /nodes/{node}/tasks/{upid}/status': ({ upid }) => {
      const task = this.#tasks.find((each) => each.upid === upid);
      if (!task) throw refusal('notFound', 'no such task', 'task');
      return task.exit === undefined ? { status: 'running' } : { status: 'stopped', exitstatus: task.exit };
    },
    'GET /nodes/{node}/qemu/{vmid}/config': ({ snapshot, ...at }) => {
      const { config, digest, snapshots } = this.#guest(at);
      const kept = typeof snapshot === 'string' ? snapshots.get(snapshot)?.config : config;
      return { ...kept, digest: `digest-${digest}` };
    },
    'GET /nodes/{node}/qemu/{vmid}/cloudinit/dump': () =>
      "version: 1\nconfig:\n    - type: nameserver\n      address:\n      - '192.0.2.1'\n      search:\n      - 'example.com'\n",
    'GET /nodes/{node}/qemu/{vmid}/status/current': (at) => {
      const { running, halted, ha, config, startedAt } = this.#guest(at);
      const status = running ? 'running' : 'stopped';
      return {
        status,
        qmpstatus: (running ? halted : undefined) ?? status,
        lock: config['lock'],
        ha: ha === undefined ? { managed: 0 } : { managed: 1, state: ha },
        uptime: running ? Math.floor((this.#now() - startedAt) / 1000) : 0,
      };
    },
    'GET /nodes/{node}/qemu/{vmid}/pending': (at) => {
      const { config, inForce, running, digest } = this.#guest(at);
      const current = running ? inForce : config;
      const keys = new Set([...Object.keys(config), ...Object.keys(current)]);
      const rows = [...keys].map((key) => ({
        key,
        value: current[key],
        ...(config[key] === undefined
          ? { delete: 1 }
          : config[key] !== current[key] && { pending: config[key] }),
      }));
      return [...rows, { key: 'digest', value: `digest-${digest}` }];
    },
    'POST /nodes/{node}/qemu/{vmid}/config': (params) => {
      const { at, guest, keys, gone } = this.#write(params);
      return this.#begin('qmconfig', at, () => this.#configure(guest, keys, gone));
    },
    'PUT /nodes/{node}/qemu/{vmid}/config': (params) => {
      const { revert, ...rest } = params;
      if (typeof revert === 'string') return this.#revert(rest, revert.split(','));
      const { guest, keys, gone } = this.#write(params);
      const failure = this.#failureOf('qmconfig');
      if (failure !== undefined) throw refusal('forbidden', failure);
      this.#configure(guest, keys, gone);
      return null;
    },
    'PUT /nodes/{node}/qemu/{vmid}/resize': ({ disk, size, digest, ...at }) => {
      const guest = this.#free(at);
      if (digest !== `digest-${guest.digest}`) throw refusal('stale', 'detected modified configuration');
      return this.#begin('resize', at, () => {
        guest.config = grown(guest.config, String(disk), parseSize(String(size)) ?? 0);
        guest.inForce = { ...guest.inForce, [String(disk)]: guest.config[String(disk)] ?? '' };
        guest.digest += 1;
      });
    },
    'POST /nodes/{node}/qemu': (params) => this.#create(params),
    'POST /nodes/{node}/qemu/{vmid}/clone': ({ newid, name, description, ...at }) => {
      const template = this.#guest(at);
      const vmid = Number(newid);
      if (!this.#isFree(vmid))
        throw refusal('exists', `unable to create VM ${vmid}: config file already exists`);
      const guest = this.add(vmid, { lock: 'clone' });
      return this.#begin('qmclone', at, () => {
        guest.config = cloned(template.config, {
          vmid,
          name: String(name),
          description: String(description),
        });
        guest.inForce = guest.config;
      });
    },
    'GET /nodes/{node}/qemu/{vmid}/migrate': (at) => ({
      running: this.#guest(at).running ? 1 : 0,
      local_disks: [{ volid: 'local-lvm:vm-101-disk-0', cdrom: 0 }],
      local_resources: [],
    }),
    'POST /nodes/{node}/qemu/{vmid}/migrate': ({ target, online, ...at }) => {
      const guest = this.#free(at);
      if (guest.running && !online) throw refusal('unknown', "can't migrate running VM without --online");
      return this.#begin('qmigrate', at, () => {
        guest.node = String(target);
      });
    },
    'POST /nodes/{node}/qemu/{vmid}/status/start': this.#power('qmstart', true),
    'POST /nodes/{node}/qemu/{vmid}/status/stop': this.#power('qmstop', false),
    'POST /nodes/{node}/qemu/{vmid}/status/shutdown': this.#power('qmshutdown', false),
    'DELETE /nodes/{node}/qemu/{vmid}': (at) => {
      const guest = this.#free(at);
      if (guest.running) throw refusal('unknown', `VM ${guest.vmid} is running - destroy failed`);
      return this.#begin('qmdestroy', at, () => this.guests.delete(guest.vmid));
    },
    'POST /nodes/{node}/qemu/{vmid}/agent/exec': (at) => {
      const guest = this.#guest(at);
      if (!guest.running) throw refusal('unknown', `VM ${guest.vmid} is not running`);
      if (guest.agent === 'silent') throw refusal('unknown', 'QEMU guest agent is not running');
      this.executed.push((at['command'] as readonly string[]).join(' '));
      return { pid: this.executed.length };
    },
    'GET /nodes/{node}/qemu/{vmid}/agent/exec-status': ({ pid }) => {
      const command = this.executed[Number(pid) - 1];
      if (command === undefined) throw refusal('unknown', "Agent error: Invalid parameter 'pid'");
      if (command.startsWith('endless')) return { exited: 0 };
      return { exited: 1, exitcode: command.startsWith('false') ? 1 : 0 };
    },
    'GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces': (at) => {
      const { agent, config, vmid } = this.#guest(at);
      if (agent === 'silent') throw refusal('unknown', 'QEMU guest agent is not running');
      const { mac } = parseNic(config['net0'] ?? '');
      return {
        result: [
          {
            name: 'docker0',
            'hardware-address': '02:42:00:00:00:01',
            'ip-addresses': [{ 'ip-address': '172.17.0.1' }],
          },
          {
            name: 'eth0',
            'hardware-address': mac?.toLowerCase(),
            'ip-addresses': [{ 'ip-address': `10.0.0.${vmid % 250}` }],
          },
        ],
      };
    },
    'GET /nodes/{node}/storage/{storage}/content': ({ node, storage, content }) => {
      const start = `${String(storage)}:${typeof content === 'string' ? `${content}/` : ''}`;
      const disks = content === 'images' ? [...this.linked.keys()] : [];
      return [
        ...disks,
        ...[...this.volumes].filter((volid) => volid.startsWith(start) && this.#hasVolume(volid, node)),
      ].map((volid) => ({
        volid,
        size: this.sizes.get(volid),
        ...this.linked.get(volid),
      }));
    },
    'POST /nodes/{node}/storage/{storage}/upload': ({ filename, storage, content, ...at }) => {
      const volume = `${String(storage)}:${String(content)}/${String(filename)}`;
      const size = this.#uploadedBytes;
      if (content === 'import') {
        this.uploads += 1;
        // It has its name before it is complete.
        this.volumes.add(volume);
        this.sizes.set(volume, size / 2);
      }
      return this.#begin(
        'imgcopy',
        at,
        () => {
          this.volumes.add(volume);
          if (content === 'import') this.sizes.set(volume, size);
        },
        '',
      );
    },
    'POST /nodes/{node}/storage/{storage}/download-url': ({ content, filename, storage, ...at }) => {
      if (!this.localContent.includes(String(content)))
        throw refusal(
          'unknown',
          `storage '${String(storage)}' is not configured for content-type '${String(content)}'`,
        );
      const file = String(filename);
      this.downloads += 1;
      return this.#begin(
        'download',
        at,
        () => this.#arrived(`${String(storage)}:${String(content)}/${file}`, at['node']),
        file,
      );
    },
    'POST /nodes/{node}/qemu/{vmid}/template': (at) => {
      const guest = this.#free(at);
      if (guest.config['template'] === '1')
        throw refusal('unknown', "you can't convert a template to a template");
      return this.#begin('qmtemplate', at, () => {
        guest.config = { ...guest.config, template: '1' };
        guest.digest += 1;
      });
    },
    'DELETE /nodes/{node}/storage/{storage}/content/{volume}': ({ node, volume }) => {
      const others = this.#downloadedTo.get(String(volume));
      others?.delete(String(node));
      if (others && others.size > 0) return null;
      this.#downloadedTo.delete(String(volume));
      this.volumes.delete(String(volume));
      this.sizes.delete(String(volume));
      return null;
    },
  };

  #hasVolume(volume: string, node: unknown): boolean {
    return this.volumes.has(volume) && (this.#downloadedTo.get(volume)?.has(String(node)) ?? true);
  }

  #arrived(volume: string, node: unknown): void {
    this.volumes.add(volume);
    this.#downloadedTo.set(volume, (this.#downloadedTo.get(volume) ?? new Set()).add(String(node)));
  }

  #revert({ digest, ...at }: Params, keys: readonly string[]): null {
    const guest = this.#free(at);
    if (digest !== `digest-${guest.digest}`) throw refusal('stale', 'detected modified configuration');
    const kept = Object.entries(guest.config).filter(([key]) => !keys.includes(key));
    const back = Object.entries(guest.inForce).filter(([key]) => keys.includes(key));
    guest.config = Object.fromEntries([...kept, ...back]);
    guest.digest += 1;
    return null;
  }

  #configure(
    guest: ModelGuest,
    set: Readonly<Record<string, string | number>>,
    remove: readonly string[],
  ): void {
    const before = guest.config;
    guest.config = configured(guest.vmid, before, set, remove);
    guest.digest += 1;
    const keys = [...Object.keys(set), ...remove].filter(
      (key) => !guest.running || takesEffectNow(key, guest.inForce[key], guest.config[key]),
    );
    const inForce: Record<string, string> = { ...guest.inForce };
    for (const key of keys) {
      const value = guest.config[key];
      if (value === undefined) Reflect.deleteProperty(inForce, key);
      else inForce[key] = value;
    }
    guest.inForce = inForce;
  }
}

/** @throws PveError if it is not complete: PVE keeps nothing of it, and the sender has no answer */
async function received(
  file: StreamedFile,
  { method, path }: { method: 'GET' | 'POST' | 'PUT' | 'DELETE'; path: string },
): Promise<void> {
  try {
    let bytes = 0;
    for await (const piece of file.pieces()) bytes += piece.length;
    if (bytes !== file.bytes) throw new Error(`The body has ${bytes} bytes and not ${file.bytes}.`);
  } catch (cause) {
    throw new PveError({
      refusal: 'unknownOutcome',
      method,
      route: path,
      code: 'broken',
      message: 'The body broke off.',
      cause,
    });
  }
}

function refusal(kind: Refusal, pveMessage: string, absent?: PveError['absent']): PveError {
  return new PveError({
    refusal: kind,
    method: 'GET',
    route: '/in-memory',
    code: '500',
    message: `Proxmox VE answered: ${pveMessage}`,
    pveMessage,
    absent,
  });
}
