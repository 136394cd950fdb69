/** Objects as the engine reports on them, with what GitOps tools are to make of each. */
import { conditionsOf } from '../../src/runtime/conditions.ts';
import {
  progressed,
  retry,
  settled,
  stalled,
  suspended,
  waiting,
  type Outcome,
} from '../../src/runtime/outcome.ts';
import { aVirtualMachine } from './objects.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const GENERATION = 2;

export interface Reported {
  readonly name: string;
  readonly object: object;
  /** The health in Argo CD. */
  readonly argocd: 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended';
  /** With the healthCheckExprs in deploy/flux. */
  readonly flux: 'Current' | 'InProgress' | 'Failed';
}

interface Pass {
  readonly deleting?: boolean;
  /** The generation that was observed. */
  readonly observed?: number;
  readonly spec?: object;
}

/** The object after a pass with this outcome. */
function after(outcome: Outcome, { deleting = false, observed = GENERATION, spec = {} }: Pass = {}): object {
  const vm = aVirtualMachine({
    metadata: {
      generation: GENERATION,
      ...(deleting && { deletionTimestamp: '2026-03-01T11:59:00Z', finalizers: ['x'] }),
    },
  });
  const conditions = conditionsOf({
    outcome,
    domain: [{ type: 'Placed', status: 'True', reason: 'Placed', message: 'On node pve-1.' }],
    previous: [],
    generation: observed,
    deleting,
    now: NOW,
  });
  return { ...vm, spec: { ...vm.spec, ...spec }, status: { observedGeneration: observed, conditions } };
}

const MESSAGE = 'A sentence.';
const unobserved = (status?: object): object => ({
  ...aVirtualMachine({ metadata: { generation: 1 } }),
  ...(status && { status }),
});

export const REPORTED: readonly Reported[] = [
  {
    name: 'that the operator has not seen',
    object: unobserved({ observedGeneration: -1 }),
    argocd: 'Progressing',
    flux: 'InProgress',
  },
  {
    name: 'whose edit the operator has not seen',
    object: after(settled(), { observed: 1 }),
    argocd: 'Progressing',
    flux: 'InProgress',
  },
  { name: 'that equals its spec', object: after(settled()), argocd: 'Healthy', flux: 'Current' },
  {
    name: 'for which a step was taken',
    object: after(progressed('StepTaken', MESSAGE)),
    argocd: 'Progressing',
    flux: 'InProgress',
  },
  {
    name: 'that waits for something',
    object: after(waiting('ClassNotFound', MESSAGE)),
    argocd: 'Progressing',
    flux: 'InProgress',
  },
  {
    name: 'whose pass failed',
    object: after(retry('Unreachable', MESSAGE)),
    argocd: 'Progressing',
    flux: 'InProgress',
  },
  {
    name: 'that only a person can fix',
    object: after(stalled('InvalidSpec', MESSAGE)),
    argocd: 'Degraded',
    flux: 'Failed',
  },
  {
    name: 'that refers into a namespace that is not watched',
    object: after(stalled('NamespaceNotWatched', MESSAGE)),
    argocd: 'Degraded',
    flux: 'Failed',
  },
  {
    name: 'whose management is paused',
    object: after(suspended('Unknown', 'ManagementPaused', MESSAGE)),
    argocd: 'Suspended',
    flux: 'Current',
  },
  ...(['ObserveOnly', 'CreateOnly'] as const).map((policy): Reported => ({
    name: `that would have to be started, with managementPolicy ${policy}`,
    object: after(suspended('False', policy, MESSAGE)),
    argocd: 'Suspended',
    flux: 'Current',
  })),
  {
    name: 'whose VM was deleted',
    object: after(suspended('False', 'VMDeleted', MESSAGE)),
    argocd: 'Suspended',
    flux: 'InProgress',
  },
  {
    name: 'whose Proxmox VE does not answer',
    object: after(suspended('Unknown', 'ProviderUnreachable', MESSAGE)),
    argocd: 'Progressing',
    flux: 'InProgress',
  },
  {
    name: 'whose readiness probe fails',
    object: after(suspended('False', 'NotReady', MESSAGE)),
    argocd: 'Progressing',
    flux: 'InProgress',
  },
  {
    name: 'with spec.suspend',
    object: after(settled(), { spec: { suspend: true } }),
    argocd: 'Suspended',
    flux: 'Current',
  },
  {
    name: 'that is being deleted',
    object: after(waiting('TaskRunning', MESSAGE), { deleting: true }),
    argocd: 'Progressing',
    flux: 'InProgress',
  },
];
