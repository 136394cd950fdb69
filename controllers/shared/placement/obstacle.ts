/** Why nodes cannot take a VM, and what to do about it. Pure. */

export interface Obstacle {
  readonly cause: string;
  /** What is different on each node, such as how much is free. */
  readonly here?: string;
  /** Sentences: what to do about it. */
  readonly wayOut?: string;
}

export const obstacle = (cause: string, wayOut?: string): Obstacle => ({
  cause,
  ...(wayOut !== undefined && { wayOut }),
});

export interface Rejected {
  readonly node: string;
  readonly why: Obstacle;
}

/** More nodes or causes help nobody. */
const MAX_LISTED = 8;

const firstOf = (all: readonly string[], separator: string): string => {
  const more = all.length - MAX_LISTED;
  return [...all.slice(0, MAX_LISTED), ...(more > 0 ? [`and ${more} more`] : [])].join(separator);
};

/** Each cause once, with the nodes that it applies to: `pve-1, pve-3: offline; pve-2 (1 GiB free): 4 GiB of memory needed`. */
export function causesOf(rejected: readonly Rejected[]): string {
  const byCause = Map.groupBy(rejected, ({ why }) => why.cause);
  const causes = [...byCause].map(([cause, all]) => {
    const nodes = all.map(({ node, why }) => (why.here === undefined ? node : `${node} (${why.here})`));
    return `${firstOf(nodes, ', ')}: ${cause}`;
  });
  return firstOf(causes, '; ');
}

/** Each once. */
export const waysOutOf = (rejected: readonly Rejected[]): readonly string[] => [
  ...new Set(rejected.flatMap(({ why }) => why.wayOut ?? [])),
];
