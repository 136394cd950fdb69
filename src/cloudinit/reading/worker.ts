/** A worker thread that reads one text and ends: a program of its own (hack/bundle.ts). */
import { parentPort, workerData } from 'node:worker_threads';
import { readText, type Text } from '../documents.ts';

/** It comes from `in-worker.ts`, in the same process. */
const isText = (data: unknown): data is Text => typeof data === 'object';

const data: unknown = workerData;
if (isText(data)) parentPort?.postMessage(readText(data));
