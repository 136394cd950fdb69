/** The Table of the API server: the columns of `kubectl get`. Pure. */
import { z } from 'zod';

export const TABLE_TYPE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

export const Table = z.object({
  columnDefinitions: z.array(z.object({ name: z.string(), priority: z.number().default(0) })),
  rows: z
    .array(
      z.object({
        cells: z.array(z.unknown()),
        object: z.object({ metadata: z.object({ name: z.string(), namespace: z.string().default('') }) }),
      }),
    )
    .nullish(),
});
export type Table = z.output<typeof Table>;

export interface TableOptions {
  readonly wide: boolean;
  /** A first column with the namespace. */
  readonly namespaces: boolean;
}

/** kubectl leaves a cell without a value empty. */
const cellText = (cell: unknown): string => {
  if (cell === null || cell === undefined) return '';
  return typeof cell === 'string' ? cell : JSON.stringify(cell);
};

/** Rows of text, the headings first; without the columns that only `-o wide` shows, unless it is asked for. */
export function rowsOf({ columnDefinitions, rows }: Table, options: TableOptions): readonly string[][] {
  const shown = columnDefinitions.map(({ priority }) => options.wide || priority === 0);
  const pick = (cells: readonly unknown[]): string[] =>
    cells.filter((_, column) => shown[column] === true).map(cellText);
  const namespace = (text: string): string[] => (options.namespaces ? [text] : []);
  return [
    [...namespace('NAMESPACE'), ...pick(columnDefinitions.map(({ name }) => name.toUpperCase()))],
    ...(rows ?? []).map(({ cells, object }) => [...namespace(object.metadata.namespace), ...pick(cells)]),
  ];
}

export const mergeTables = (tables: readonly Table[]): Table => ({
  columnDefinitions: tables[0]?.columnDefinitions ?? [],
  rows: tables.flatMap(({ rows }) => rows ?? []),
});
