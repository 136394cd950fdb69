/** The order of test files: those that take minutes, mostly waiting, begin first, so that no worker ends with one alone. */
import { resolve } from 'node:path';
import sequencer from '@jest/test-sequencer';

/** They exist: a unit test looks. */
export const LONG = [
  'faults-of-kubernetes',
  'many-vms',
  'crash',
  'creation',
  'faults-of-proxmox',
  'samples',
  'ceiling',
  'namespace-deletion',
].map((name) => resolve(import.meta.dirname, `integration/operator/${name}.test.ts`));

/** The types describe the CommonJS module; imported from an ES module, the class itself is the default. */
const Sequencer = sequencer as unknown as typeof sequencer.default;
type Sort = InstanceType<typeof Sequencer>['sort'];

/** Jest's own order follows how long a file took on this machine, or how large it is where that is not known. */
export default class LongestFirst extends Sequencer {
  override sort(tests: Parameters<Sort>[0]): ReturnType<Sort> {
    const order = super.sort(tests);
    if (order instanceof Promise) throw new Error('Jest orders test files at once.');
    const long = LONG.flatMap((path) => order.filter((test) => test.path === path));
    return [...long, ...order.filter((test) => !long.includes(test))];
  }
}
