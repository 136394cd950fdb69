/** Intercepts requests of the operator to the API server: a test can act before a request, or fail it. */
import type { Dispatcher } from 'undici';
import type { Connection } from '../../../src/kube/connection.ts';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  /** As sent; empty for a request without a body. */
  readonly body: string;
}

/** Runs before the request is sent; if it throws, the request is not sent. */
export type BeforeRequest = (request: ApiRequest) => Promise<void>;

/** Whether a request writes the status of a VirtualMachine. */
export const isStatusWrite = ({ method, path }: ApiRequest): boolean =>
  method !== 'GET' && /\/virtualmachines\/[^/]+\/status$/.test(path);

const through =
  (interceptor: Dispatcher.DispatcherComposeInterceptor) =>
  (connection: Connection): Connection => ({
    ...connection,
    async sign(lane) {
      const { headers, dispatcher } = await connection.sign(lane);
      return { headers, dispatcher: dispatcher.compose(interceptor) };
    },
  });

/** Runs `beforeRequest` before each request. */
export const intercepting = (beforeRequest: BeforeRequest) => through(before(beforeRequest));

/**
 * Each watch is cut this long after it was opened, also in the middle of an event.
 * @param onCut is given what was watched: `virtualmachines`
 */
export const cuttingWatches = (afterMs: number, onCut: (plural: string) => void) =>
  through(cutter(afterMs, onCut));

const cutter =
  (afterMs: number, onCut: (plural: string) => void): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) => {
    if (!options.path.includes('watch=true')) return dispatch(options, handler);
    return dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onResponseStart(controller, ...answer) {
        setTimeout(() => {
          if (controller.aborted) return;
          onCut(/\/([a-z]+)\?/.exec(options.path)?.[1] ?? options.path);
          controller.abort(new Error('the watch was cut'));
        }, afterMs).unref();
        handler.onResponseStart?.(controller, ...answer);
      },
      onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
      onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
      onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
    });
  };

const before =
  (beforeRequest: BeforeRequest): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) => {
    const { method, path } = options;
    const body = typeof options.body === 'string' ? options.body : '';
    beforeRequest({ method, path, body }).then(
      () => void dispatch(options, handler),
      (error: unknown) => {
        const cause = error instanceof Error ? error : new Error(String(error));
        handler.onResponseError?.(notSent, cause);
      },
    );
    return true;
  };

/** Nothing was sent, so there is nothing to pause or to abort. */
const notSent: Dispatcher.DispatchController = {
  aborted: true,
  paused: false,
  reason: null,
  abort: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};
