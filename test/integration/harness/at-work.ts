/** A control plane for one test file, with an operator at work from before the first test until after the last. */
import { afterAll, beforeAll } from '@jest/globals';
import { type OperatorPlane, type RunningOperator, startOperator, startOperatorPlane } from './operator.ts';

export interface AtWork {
  /** From the first test on. */
  readonly plane: OperatorPlane;
  /** Stops the operator, and starts another when this is done: it remembers nothing. */
  readonly restart: <T>(meanwhile: () => T) => Promise<T>;
}

/** To be called at the top of the file. */
export function operatorAtWork(): AtWork {
  let plane: OperatorPlane | undefined;
  let operator: RunningOperator | undefined;
  const started = (): OperatorPlane => {
    if (!plane) throw new Error('The control plane runs from the first test on.');
    return plane;
  };
  beforeAll(async () => {
    plane = await startOperatorPlane();
    operator = await startOperator(plane);
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
      operator = await startOperator(started());
      return result;
    },
  };
}
