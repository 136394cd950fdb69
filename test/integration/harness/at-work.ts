/**
 * An operator at work from before the first test of a file until after the last, in namespaces of its own on the
 * control plane that the test files share. A file that breaks or restarts its control plane starts one itself
 * (`startOperatorPlane`).
 */
import { afterAll, beforeAll } from '@jest/globals';
import {
  type OperatorPlane,
  type OperatorSetting,
  type RunningOperator,
  sharedOperatorPlane,
  startOperator,
} from './operator.ts';

export interface AtWork {
  /** From the first test on. */
  readonly plane: OperatorPlane;
  /** Stops the operator, and starts another when this is done: it remembers nothing. */
  readonly restart: <T>(meanwhile: () => T) => Promise<T>;
}

export interface AtWorkOptions extends OperatorSetting {
  /**
   * How many namespaces the file needs (`plane.newNamespace`, one for each tenant), and no more: the operator watches
   * every kind in each, which takes a third of a second of CPU time.
   */
  readonly namespaces: number;
}

/** To be called at the top of the file. */
export function operatorAtWork({ namespaces, ...setting }: AtWorkOptions): AtWork {
  let plane: OperatorPlane | undefined;
  let operator: RunningOperator | undefined;
  const started = (): OperatorPlane => {
    if (!plane) throw new Error('The control plane runs from the first test on.');
    return plane;
  };
  beforeAll(async () => {
    plane = await sharedOperatorPlane(namespaces);
    operator = await startOperator(plane, setting);
  });
  afterAll(async () => {
    await operator?.stop();
    await plane?.stop();
  });
  return {
    get plane() {
      return started();
    },
    async restart(meanwhile) {
      await operator?.stop();
      const result = meanwhile();
      operator = await startOperator(started(), setting);
      return result;
    },
  };
}
