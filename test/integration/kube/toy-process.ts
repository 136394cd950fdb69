/** The toy operator as a process of its own, to be killed. Prints `leading` once it leads. */
import { argv, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { toyOperator } from './toy.ts';

const [, , kubeconfig = '', folder = '', namespace = '', identity = ''] = argv;
const operator = await toyOperator({ kubeconfig, folder, namespace, identity });
while (!operator.manager.leading) await sleep(20);
stdout.write('leading\n');
await operator.running;
