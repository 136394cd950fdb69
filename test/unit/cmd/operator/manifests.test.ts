/** What the manifests start the operator with is what it understands. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { readConfig } from '../../../../src/cmd/operator/config.ts';

const KUSTOMIZE = join(import.meta.dirname, '../../../../deploy/kustomize');
const read = (file: string): unknown => parse(readFileSync(join(KUSTOMIZE, file), 'utf8'));

const Probe = z.object({ httpGet: z.object({ port: z.string() }) });
const Deployment = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        containers: z.tuple([
          z.object({
            args: z.array(z.string()),
            ports: z.array(z.object({ name: z.string(), containerPort: z.int() })),
            livenessProbe: Probe,
            readinessProbe: Probe,
          }),
        ]),
      }),
    }),
  }),
});
const Operations = z.array(z.object({ path: z.string(), value: z.unknown() }));
const Component = z.object({ patches: z.tuple([z.object({ patch: z.string() })]) });

const [container] = Deployment.parse(read('base/deployment.yaml')).spec.template.spec.containers;
const telemetryOf = (args: readonly string[]) => {
  const result = readConfig(args, {});
  return result.kind === 'run' ? result.config.telemetry : result;
};

test('the Deployment has the probes where the kubelet asks, and not where the metrics are', () => {
  const { ports, args, livenessProbe, readinessProbe } = container;
  const portOf = (name: string) => ports.find((port) => port.name === name)?.containerPort;
  for (const { httpGet } of [livenessProbe, readinessProbe]) expect(httpGet.port).toBe('probes');
  expect(telemetryOf(args)).toMatchObject({
    metrics: { port: portOf('metrics') },
    probes: { port: portOf('probes') },
  });
});

test('the component for a token makes the operator require it, from the Secret that it mounts', () => {
  const [{ patch }] = Component.parse(read('metrics-token/kustomization.yaml')).patches;
  const operations = Operations.parse(parse(patch));
  const flag = z.string().parse(operations.find(({ path }) => path.endsWith('/args/-'))?.value);
  const [mount] = z
    .tuple([z.object({ mountPath: z.string() })])
    .parse(operations.find(({ path }) => path.endsWith('/volumeMounts'))?.value);
  expect(telemetryOf([...container.args, flag])).toMatchObject({ tokenFile: `${mount.mountPath}/token` });
});
