/** Carries an action out as a user does, with kubectl. A refusal is an answer like any other. */
import type { ControlPlane, Finished } from '../../hack/control-plane/index.ts';
import { patchOf, type Action } from './edits.ts';
import { clone, snapshot, vm, yaml, type Manifest } from './objects.ts';

const create = (plane: ControlPlane, manifest: Manifest): Promise<Finished> =>
  plane.kubectl(['create', '-f', '-'], { input: yaml([manifest]) });

const patch = (plane: ControlPlane, kind: string, name: string, body: unknown): Promise<Finished> =>
  plane.kubectl(['patch', kind, name, '--type=merge', '-p', JSON.stringify(body)]);

/** Times of restarts and reverts count in seconds, and only once. */
const now = (): string => `${new Date().toISOString().slice(0, 19)}Z`;

/** A VM of that name comes back as a new object: a VirtualMachine that a VMClone made does not. */
async function recreate(plane: ControlPlane, name: string): Promise<Finished> {
  const deleted = await plane.kubectl(['delete', 'vm', name, '--wait=true', '--timeout=120s']);
  if (deleted.code !== 0 || !name.startsWith('vm-')) return deleted;
  return create(plane, vm(name));
}

export function act(plane: ControlPlane, action: Action): Promise<Finished> {
  switch (action.do) {
    case 'set':
      return patch(plane, action.kind, action.name, patchOf(action.field, action.value));
    case 'restart':
      return plane.kubectl([
        'annotate',
        'vm',
        action.name,
        '--overwrite',
        `virtrigaud.io/restartedAt=${now()}`,
      ]);
    case 'delete':
      return plane.kubectl(['delete', action.kind, action.name, '--wait=false']);
    case 'recreate':
      return recreate(plane, action.name);
    case 'snapshot':
      return create(plane, snapshot(action.name, action.of, action.includeMemory));
    case 'revert':
      return patch(plane, 'vmsnapshot', action.name, { spec: { revert: { requestedAt: now() } } });
    case 'clone':
      return create(plane, clone(action.name, action.of, action.target));
  }
}
