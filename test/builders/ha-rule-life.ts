/**
 * A VMPlacementPolicy, its VMs and their Providers over the fake Proxmox VE: passes follow each other as the queue would
 * have them, the process may die at any call, and requests may be lost or arrive late.
 */
import { z } from 'zod';
import type { Provider, VirtualMachine, VMPlacementPolicy } from '../../src/api/index.ts';
import { nodeName, vmid } from '../../src/lib/units.ts';
import { endpoint } from '../../src/pve/endpoint.ts';
import { pve as pveOver, PveError, type Send, type View } from '../../src/pve/index.ts';
import type { EventNote, Pass, Readable, ReconcileResult } from '../../src/runtime/controller.ts';
import type { Outcome } from '../../src/runtime/outcome.ts';
import type { Connection } from '../../controllers/shared/cluster/connections.ts';
import { createLedger } from '../../controllers/shared/cluster/ledger.ts';
import { NO_NAMESPACES } from '../../controllers/shared/grants/namespaces.ts';
import { UNKNOWN_CHANGES } from './placement-changes.ts';
import { describeGuest } from '../../controllers/shared/guests/owner-mark.ts';
import { vmPlacementPolicyKind } from '../../controllers/vmplacementpolicy/kind.ts';
import type { ClusterInput } from '../fakepve/cluster-file.ts';
import { inProcessPve, unanswered } from './fake-send.ts';
import { NOW } from './guests.ts';
import { aProvider, aVirtualMachine, readerNow } from './objects.ts';
import { aNode, aRow, aView } from './views.ts';

/** What happens to a call of the process to the outside. */
export type RuleFault = 'dies before' | 'dies after' | 'loses the answer' | 'is lost' | 'arrives late';
export const RULE_FAULTS: readonly RuleFault[] = [
  'dies before',
  'dies after',
  'loses the answer',
  'is lost',
  'arrives late',
];

type Result = ReconcileResult<object>;

class Died extends Error {}

const CLUSTER = 'k8s';
const PASS_MS = 10_000;
const LATE_MS = 25_000;
/** Longer than anything that is waited for. */
const QUIET_PASSES = 10;
const MAX_PASSES = 200;

const owner = (number: number, namespace: string) => ({
  cluster: CLUSTER,
  namespace,
  name: `db-${number}`,
  uid: uidOf(number),
});
const uidOf = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** Guests 101 … of VirtualMachines db-1 …, spread over the nodes, and guest 900 of nobody. */
export const clusterOf = (guests: number, nodes = 3, change: Partial<ClusterInput> = {}): ClusterInput => ({
  name: 'homelab',
  nodes: Array.from({ length: nodes }, (_, n) => ({ name: `pve-${n + 1}` })),
  guests: [
    ...Array.from({ length: guests }, (_, n) => ({
      vmid: 101 + n,
      node: `pve-${(n % nodes) + 1}`,
      config: {
        name: `db-${n + 1}`,
        description: describeGuest(owner(n + 1, 'default')),
        smbios1: `uuid=${uidOf(n + 1)}`,
      },
    })),
    { vmid: 900, node: 'pve-1', config: { name: 'foreign' } },
  ],
  tokens: [
    { id: 'root@pam!operator', privsep: false },
    { id: 'root@pam!others', privsep: false },
  ],
  ...change,
});

export interface RuleLifeOptions {
  readonly spec?: VMPlacementPolicy['spec'];
  readonly cluster?: ClusterInput;
  /** By the number of the call, from 1. */
  readonly faultAt?: (call: number, what: string) => RuleFault | undefined;
}

export class HaRuleLife {
  readonly pve;
  policy: VMPlacementPolicy | undefined;
  providers: Provider[] = [aProvider({ ha: { rules: 'Manage' } }, { name: 'pve' })];
  vms: VirtualMachine[] = [];
  isConnected = true;
  releases: readonly string[] = ['9.2'];
  now = NOW;
  /** Every call to the outside, of all processes. */
  readonly called: string[] = [];
  readonly events: EventNote[] = [];
  outcome: Outcome | undefined;
  conditions: Readonly<Record<string, string>> = {};
  readonly #late: { readonly at: number; readonly run: () => Promise<unknown> }[] = [];
  readonly #faultAt: NonNullable<RuleLifeOptions['faultAt']>;
  #controller;

  constructor({ spec = {}, cluster = clusterOf(3), faultAt = () => undefined }: RuleLifeOptions = {}) {
    this.pve = inProcessPve(cluster, NOW);
    this.#faultAt = faultAt;
    const { metadata } = aVirtualMachine();
    this.policy = {
      apiVersion: 'infra.virtrigaud.io/v1beta1',
      kind: 'VMPlacementPolicy',
      metadata: { ...metadata, name: 'apart', uid: 'uid-of-policy', generation: 1 },
      spec,
    };
    this.#controller = this.#start();
  }

  /** VirtualMachines db-1 … db-n, with their guests. */
  addVms(count: number, change: Partial<VirtualMachine['spec']> = {}, first = 1): void {
    for (let number = first; number < first + count; number += 1)
      this.vms.push(
        aVirtualMachine({
          metadata: { name: `db-${number}`, uid: uidOf(number), labels: { app: 'db' } },
          spec: { placementRef: { name: 'apart' }, ...change },
          status: {
            vmid: vmid(100 + number),
            node: nodeName('pve-1'),
            createdAt: '2026-03-01T08:00:00Z',
          },
        }),
      );
  }

  /** As an administrator does it. */
  async byHand(method: 'POST' | 'PUT' | 'DELETE', path: string, params: Record<string, string> = {}) {
    const any = endpoint({
      method,
      path,
      params: z.record(z.string(), z.string()),
      reply: z.unknown(),
      needs: [],
    });
    await this.pve.others(any, params);
  }

  async manageByHa(...vmids: readonly number[]): Promise<void> {
    for (const id of vmids)
      await this.byHand('POST', '/cluster/ha/resources', { sid: `vm:${id}`, state: 'ignored' });
  }

  /** By name what there is in Proxmox VE. */
  get rules(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      [...this.pve.world.ha.rules.values()].map(({ rule, options }) => [
        rule.replace(/^virtrigaud-[0-9a-f]{16}-/, 'ours-'),
        ['resources', 'nodes', 'affinity', 'strict', 'disable']
          .flatMap((key) => options.get(key) ?? [])
          .join(' '),
      ]),
    );
  }

  delete(): void {
    if (!this.policy) return;
    const { metadata } = this.policy;
    this.policy = { ...this.policy, metadata: { ...metadata, deletionTimestamp: '2026-03-01T09:00:00Z' } };
  }

  edit(spec: VMPlacementPolicy['spec']): void {
    if (!this.policy) return;
    const { metadata } = this.policy;
    this.policy = { ...this.policy, metadata: { ...metadata, generation: metadata.generation + 1 }, spec };
  }

  /** Until nothing changes any more. */
  async settle(): Promise<void> {
    let quiet = 0;
    for (let pass = 0; quiet < QUIET_PASSES; pass += 1) {
      if (pass > MAX_PASSES) throw new Error(`It does not settle: ${JSON.stringify(this.policy?.status)}`);
      const before = this.#state();
      await this.pass();
      quiet = before === this.#state() && this.#late.length === 0 ? quiet + 1 : 0;
    }
  }

  #state(): string {
    return JSON.stringify([this.policy, this.rules]);
  }

  async pass(): Promise<void> {
    this.now += PASS_MS;
    for (const each of this.#late.splice(0))
      if (each.at <= this.now) await each.run();
      else this.#late.push(each);
    try {
      await this.#pass();
    } catch (error) {
      if (!(error instanceof Died) && !(error instanceof LostWrite)) throw error;
      if (error instanceof Died) this.#controller = this.#start();
    }
  }

  async #pass(): Promise<void> {
    const { policy } = this;
    const { finalizer = '' } = this.#controller;
    if (!policy) return;
    const { metadata } = policy;
    const has = metadata.finalizers.includes(finalizer);
    const isDeleting = metadata.deletionTimestamp !== undefined;
    if (isDeleting && !has) {
      this.policy = undefined;
      return;
    }
    const needs = this.#controller.needsFinalizer?.(policy) ?? true;
    if (!isDeleting && needs !== has)
      return this.#write('PATCH finalizers', () => {
        this.policy = { ...policy, metadata: { ...metadata, finalizers: needs ? [finalizer] : [] } };
      });
    const pass = {
      deleting: isDeleting,
      now: new Date(this.now),
      signal: new AbortController().signal,
      reread: () => Promise.resolve(this.policy),
    } as unknown as Pass<VMPlacementPolicy>;
    const result = await this.#controller.reconcile(policy, pass);
    this.outcome = result.outcome;
    if (result.outcome.kind === 'unchanged') return;
    if (result.outcome.kind === 'released')
      await this.#write('PATCH finalizers', () => {
        this.policy = undefined;
      });
    else await this.#report(policy, result);
    this.events.push(...(result.events ?? []));
  }

  async #report(policy: VMPlacementPolicy, result: Result): Promise<void> {
    const status = { ...result.status, observedGeneration: policy.metadata.generation };
    if (JSON.stringify(status) !== JSON.stringify(policy.status))
      await this.#write('PATCH status', () => {
        this.policy = { ...policy, status };
      });
    this.conditions = Object.fromEntries(
      (result.conditions ?? []).map(({ type, reason, message }) => [type, `${reason} ${message}`]),
    );
  }

  /** The engine writes with the resourceVersion that it read, so what is lost is written by a later pass. */
  #write(what: string, run: () => void): Promise<void> {
    return this.#call(
      what,
      () => {
        run();
        return Promise.resolve();
      },
      () => new LostWrite(),
      undefined,
    );
  }

  async #call<T>(
    what: string,
    run: () => Promise<T>,
    lost: () => Error,
    later: (() => void) | undefined,
  ): Promise<T> {
    this.called.push(what);
    const fault = this.#faultAt(this.called.length, what);
    if (fault === 'dies before') throw new Died();
    if (fault === 'is lost' || (fault === 'arrives late' && later === undefined)) throw lost();
    if (fault === 'arrives late') {
      later?.();
      throw lost();
    }
    const answer = await run();
    if (fault === 'dies after') throw new Died();
    if (fault === 'loses the answer') throw lost();
    return answer;
  }

  readonly #send: Send = (endpoint, params, options) => {
    const run = () => this.pve.send(endpoint, params, options);
    const later = (): void =>
      void this.#late.push({
        at: this.now + LATE_MS,
        run: () =>
          run().catch((error: unknown) => {
            if (!(error instanceof PveError)) throw error; // refused: its sender no longer waits
          }),
      });
    return this.#call(
      `${endpoint.method} ${endpoint.path}`,
      run,
      () => unanswered(endpoint.method, endpoint.path),
      endpoint.method === 'GET' ? undefined : later,
    );
  };

  #view(): View {
    const { world } = this.pve;
    return aView({
      nodes: [...world.nodes.keys()].map((name) => aNode(name)),
      guests: [...world.guests.values()].map((guest) =>
        aRow({ vmid: vmid(guest.vmid), node: nodeName(guest.node) }),
      ),
    });
  }

  /** A process that has just started remembers nothing. */
  #start() {
    const connection = {
      pve: pveOver(this.#send),
      inventory: { view: () => this.#view() },
      versions: { releases: { values: () => this.releases.values() } },
      ledger: createLedger(() => this.now),
      nodeSelector: [],
    } as unknown as Connection;
    const users = (): readonly Readable<VirtualMachine>[] => this.vms;
    return vmPlacementPolicyKind.controller({
      clusterId: CLUSTER,
      namespaces: NO_NAMESPACES,
      changes: UNKNOWN_CHANGES,
      policies: readerNow(() => (this.policy ? [this.policy] : [])),
      providers: readerNow(() => this.providers),
      connections: {
        get: (namespace, name) =>
          this.isConnected &&
          this.providers.some(({ metadata }) => metadata.name === name && metadata.namespace === namespace)
            ? connection
            : undefined,
        isPending: () => false,
      },
      vmsIn: (namespace) => users().filter(({ metadata }) => metadata.namespace === namespace),
      usersOfKind: (kind) => () => (kind === 'VMPlacementPolicy' ? users() : []),
      now: () => this.now,
    });
  }
}

class LostWrite extends Error {}
