/** Ctrl-C, the end of the terminal, and a reader that has read enough: none of them keeps a command from putting back what it must. */

/** As a shell reports Ctrl-C. */
export const INTERRUPTED = 130;

export interface Interruption {
  readonly signal: AbortSignal;
  /** A signal that asks the process to end. The second one ends it at once, unless something is being put back. */
  readonly received: () => void;
  /** Nobody reads the output any more. */
  readonly brokenPipe: () => void;
  /** @param what it does, for who does not want to wait: `removing the annotation` */
  readonly finish: <T>(what: string, work: Promise<T>) => Promise<T>;
}

interface Process {
  readonly exit: (code: number) => void;
  readonly err: (text: string) => void;
}

export function interruption({ exit, err }: Process): Interruption {
  const controller = new AbortController();
  const putBack = new Set<string>();
  return {
    signal: controller.signal,
    received() {
      const [what] = putBack;
      if (!controller.signal.aborted) controller.abort();
      else if (what === undefined) exit(INTERRUPTED);
      else err(`${what}: wait for it\n`);
    },
    brokenPipe() {
      if (putBack.size === 0) exit(0);
    },
    async finish(what, work) {
      putBack.add(what);
      try {
        return await work;
      } finally {
        putBack.delete(what);
      }
    },
  };
}
