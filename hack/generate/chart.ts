/** What the chart contains of the generated manifests: the chart of Helm must hold all its files. */
import { crdFiles, type Files } from './crds.ts';

export const chartFiles = (): Files =>
  new Map(
    [...crdFiles()].map(([path, content]) => [
      path.replace(/^crds\/(?:.*_)?/, 'deploy/chart/files/crds/'),
      content,
    ]),
  );
