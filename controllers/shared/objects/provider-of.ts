/** The Provider that a VM names, in its own namespace if it names no other. Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import type { Readable } from '../../../src/runtime/controller.ts';

type VM = Pick<Readable<VirtualMachine>, 'metadata' | 'spec'>;

interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** `name` is empty where it cannot be read. */
export const providerOf = ({ metadata, spec: { providerRef } }: VM): Place => ({
  namespace: providerRef?.namespace ?? metadata.namespace,
  name: providerRef?.name ?? '',
});

/** `namespace/name` */
export function providerKeyOf(vm: VM): string {
  const { namespace, name } = providerOf(vm);
  return `${namespace}/${name}`;
}
