/** An operator at work from before the first test of a file until after the last, and the control plane it works on. */
import { afterAll, beforeAll } from '@jest/globals';
import {
  type OperatorPlane,
  type OperatorSetting,
  type RunningOperator,
  sharedOperatorPlane,
  startOperator,
  startOperatorPlane,
} from './operator.ts';

export interface AtWork {
  /** From the first test on. */
  readonly plane: OperatorPlane;
  /** Stops the operator, and starts another when this is done: it remembers nothing. */
  readonly restart: <T>(meanwhile: () => T) => Promise<T>;
}

export interface AtWorkOptions extends OperatorSetting {
  /**
   * How many namespaces (`plane.newNamespace`, one for each tenant) the file needs on the control plane that all files
   * share. Absent: the file has a control plane of its own, which takes some seconds and a few hundred megabytes.
   */
  readonly namespaces?: number;
}

/** To be called at the top of the file. */
export function operatorAtWork({ namespaces, ...setting }: AtWorkOptions = {}): AtWork {
  let plane: OperatorPlane | undefined;
  let operator: RunningOperator | undefined;
  const started = (): OperatorPlane => {
    if (!plane) throw new Error('The control plane runs from the first test on.');
    return plane;
  };
  beforeAll(async () => {
    plane = await (namespaces === undefined ? startOperatorPlane() : sharedOperatorPlane(namespaces));
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
