/**
 * What a test file needs of Kubernetes:
 *
 *     const plane = await controlPlane();
 *     await plane.succeed(['apply', '-f', '-'], { input: manifest });
 *
 * `startControlPlane` gives a test one of its own, which it may restart or fill as it likes.
 */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { type Finished, run } from '../../../hack/control-plane/run.ts';
import { kubeApi } from './kube-api.ts';
import { sharedPlane } from './shared.ts';

export {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../../hack/control-plane/index.ts';

export interface TestPlane {
  readonly server: string;
  /** A kubeconfig of an administrator whose default namespace is `namespace`. */
  readonly kubeconfig: string;
  /** Made for this call; no other test file uses it. */
  readonly namespace: string;
  /** To be merged over `process.env` for a program that talks to this control plane. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs kubectl in `namespace` unless the arguments name another; a refusal is an exit code. */
  readonly kubectl: (args: readonly string[], options?: { readonly input?: string }) => Promise<Finished>;
  /** Like `kubectl`, but a refusal fails the test with what kubectl said; gives the standard output. */
  readonly succeed: (args: readonly string[], options?: { readonly input?: string }) => Promise<string>;
  /** Another namespace, which no other test file uses either. */
  readonly newNamespace: (prefix: string) => Promise<string>;
}

/** The control plane that all test files share, with a fresh namespace. Namespaces are not cleaned up: it is thrown away. */
export async function controlPlane(): Promise<TestPlane> {
  const shared = sharedPlane();
  const namespace = nameOf('test');
  const kubeconfig = join(shared.dir, `${namespace}.kubeconfig`);
  await writeFile(kubeconfig, inNamespace(await readFile(shared.kubeconfig, 'utf8'), namespace), {
    mode: 0o600,
  });
  const env = { ...shared.env, KUBECONFIG: kubeconfig };

  const kubectl: TestPlane['kubectl'] = (args, { input } = {}) =>
    run('kubectl', args, { env: { ...process.env, ...env }, input });
  const succeed: TestPlane['succeed'] = async (args, options) => {
    const { code, stdout, stderr } = await kubectl(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${stderr.trim()}`);
    return stdout;
  };
  const createNamespace = async (name: string) => {
    const api = await kubeApi(shared.kubeconfig);
    try {
      await api.apply(`/api/v1/namespaces/${name}`, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name },
      });
    } finally {
      await api.close();
    }
    return name;
  };

  await createNamespace(namespace);
  return {
    server: shared.server,
    kubeconfig,
    namespace,
    env,
    kubectl,
    succeed,
    newNamespace: (prefix) => createNamespace(nameOf(prefix)),
  };
}

const nameOf = (prefix: string) => `${prefix}-${randomBytes(4).toString('hex')}`;

const Kubeconfig = z.looseObject({
  contexts: z.array(z.looseObject({ context: z.looseObject({}) })),
});

function inNamespace(text: string, namespace: string): string {
  const kubeconfig = Kubeconfig.parse(parse(text));
  for (const { context } of kubeconfig.contexts) context['namespace'] = namespace;
  return stringify(kubeconfig);
}
