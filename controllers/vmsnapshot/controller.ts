/** VMSnapshot: resolve → observe → plan → perform → report. Read this file first; each verb is a folder. */
import type { VirtualMachine, VMSnapshot, VMSnapshotStatus } from '../../src/api/index.ts';
import { seconds } from '../../src/lib/units.ts';
import { PveError } from '../../src/pve/index.ts';
import type { Controller, Pass, Readable } from '../../src/runtime/controller.ts';
import { progressed, settled, unchanged } from '../../src/runtime/outcome.ts';
import type { LinkedClones } from '../shared/cluster/linked-clones.ts';
import { SNAPSHOT_FINALIZER } from '../shared/objects/released.ts';
import { createTaskWatch } from '../shared/tasks/watch.ts';
import type { Observed } from './model/observed.ts';
import type { Plan, Step } from './model/plan.ts';
import type { Requests } from './model/requests.ts';
import { observe } from './observe/observe.ts';
import { seenTask } from './observe/task.ts';
import type { Trees } from './observe/trees.ts';
import { perform } from './perform/perform.ts';
import { isRecorded, record, type Started } from './perform/record.ts';
import { plan } from './plan/plan.ts';
import { SENT_WITHIN_MS } from './plan/rules/doubt.ts';
import {
  isReady,
  keptResult,
  pausedResult,
  releasedResult,
  resultOf,
  unresolvedResult,
  vmDeletedResult,
  type SnapshotResult,
} from './report/outcome.ts';
import { withInitialRequest } from './revert/initial.ts';
import { resolve, vmOf, type Resolved, type ResolvePorts } from './resolve/resolve.ts';

type SnapshotPass = Pass<VMSnapshot>;

export interface VMSnapshotPorts extends ResolvePorts {
  readonly snapshotTrees: Trees;
  readonly snapshotRequests: Requests;
  readonly linkedClones: LinkedClones;
  readonly vmsIn: (namespace: string) => readonly Readable<VirtualMachine>[];
  /** Asks for a pass over the VMSnapshot with this uid. */
  readonly enqueueSnapshot: (uid: string) => void;
  /** Epoch ms. */
  readonly now: () => number;
}

export function vmSnapshotController(ports: VMSnapshotPorts): Controller<VMSnapshot, VMSnapshotStatus> {
  const watch = createTaskWatch({ wake: ports.enqueueSnapshot, now: ports.now });

  async function reconcile(snapshot: VMSnapshot, pass: SnapshotPass): Promise<SnapshotResult> {
    try {
      return await attempt(snapshot, pass);
    } catch (error) {
      // A snapshot is what it is, whether its server answers or not.
      if (error instanceof PveError && error.refusal === 'unavailable' && isReady(snapshot))
        return keptResult(snapshot, unchanged(seconds(5)));
      throw error;
    }
  }

  async function attempt(cached: VMSnapshot, pass: SnapshotPass): Promise<SnapshotResult> {
    const first = initially(cached, pass);
    // Before anything that can fail: a pass that ends early leaves the object observed, and the time would count as new.
    if (first !== cached) return keptResult(first, progressed('StepTaken', 'Recording spec.revert.'));
    // Plans are cheap and made on what is known. Before anything is changed all of it is read again, and the object too.
    for (let snapshot = first; ;) {
      const resolution = resolve(snapshot, ports);
      switch (resolution.kind) {
        case 'released':
          ports.snapshotRequests.forget(snapshot.metadata.uid);
          return releasedResult(snapshot, resolution.left);
        case 'vmDeleted':
          return vmDeletedResult(snapshot, resolution, pass.now.getTime());
        case 'paused':
          return pausedResult(snapshot, resolution.message);
        case 'unresolved':
          return unresolvedResult(snapshot, resolution.missing, pass.now.getTime());
        case 'resolved': {
          const { resolved } = resolution;
          const decision = await decide(snapshot, resolved, pass);
          if (!changesSomething(decision.next)) return carryOut(snapshot, resolved, { decision, pass });
          const fresh = await pass.reread();
          if (!fresh) return { outcome: settled(), status: snapshot.status ?? {} };
          if (fresh.metadata.resourceVersion === snapshot.metadata.resourceVersion)
            return carryOut(snapshot, resolved, { decision, pass });
          snapshot = initially(fresh, pass);
          break;
        }
        default:
          return resolution satisfies never;
      }
    }
  }

  const initially = (snapshot: VMSnapshot, { now }: SnapshotPass): VMSnapshot =>
    withInitialRequest(snapshot, vmOf(snapshot, ports.vms), now.getTime());

  async function decide(snapshot: VMSnapshot, resolved: Resolved, pass: SnapshotPass): Promise<Decision> {
    const now = pass.now.getTime();
    const options = { signal: pass.signal };
    const { connection } = resolved;
    const context = {
      trees: ports.snapshotTrees,
      linkedClones: ports.linkedClones,
      vmsIn: ports.vmsIn,
      requests: ports.snapshotRequests,
      seen: await seenTask(snapshot, { connection, watch, now, options }),
      now,
      options,
    };
    const known = await observe(snapshot, resolved, { ...context, live: false });
    const next = plan(resolved.want, known);
    if (!changesSomething(next)) return { have: known, next };
    const have = await observe(snapshot, resolved, { ...context, live: true });
    return { have, next: plan(resolved.want, have) };
  }

  async function carryOut(
    snapshot: VMSnapshot,
    resolved: Resolved,
    { decision: { have, next }, pass }: { readonly decision: Decision; readonly pass: SnapshotPass },
  ): Promise<SnapshotResult> {
    const { snapshotRequests: requests } = ports;
    if (next.kind === 'gone') {
      requests.forget(snapshot.metadata.uid);
      return releasedResult(snapshot, next.left);
    }
    const started = await take(next, { have, resolved, pass });
    return resultOf(snapshot, { resolved, have, next, started, now: pass.now.getTime() });
  }

  async function take(
    next: Plan,
    {
      have,
      resolved,
      pass,
    }: { readonly have: Observed; readonly resolved: Resolved; readonly pass: SnapshotPass },
  ): Promise<Started | undefined> {
    if (next.kind !== 'act') return undefined;
    const { uid } = resolved.want;
    if (isRecorded(next.step))
      return record(next.step, { requests: ports.snapshotRequests, uid, now: pass.now });
    if (have.presence.kind !== 'seen' || !have.proven) return undefined;
    const { guest } = have.presence;
    pass.log.info({ step: next.step.do, vmid: guest.vmid }, 'step');
    const { snapshotRequests: requests } = ports;
    return perform(next.step, {
      resolved,
      guest,
      requests,
      now: pass.now,
      sendBefore: (requestFor(next.step, have)?.at ?? 0) + SENT_WITHIN_MS,
      clock: ports.now,
      options: { signal: pass.signal },
    });
  }

  return {
    name: 'vmsnapshot',
    finalizer: SNAPSHOT_FINALIZER,
    // Without its VM nothing is left to be done in Proxmox VE.
    needsFinalizer: (snapshot) => vmOf(snapshot, ports.vms) !== undefined,
    reconcile,
  };
}

interface Decision {
  readonly have: Observed;
  readonly next: Plan;
}

/** The announcement that allows the step. */
const requestFor = (step: Step, { request, revert }: Observed): Observed['request'] =>
  step.do === 'rollback' ? revert.request : request;

const changesSomething = ({ kind }: Plan): boolean => kind === 'act' || kind === 'gone';
