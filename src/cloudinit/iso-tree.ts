/** The folders and files of an image, and their short names. Pure. */
/** A file. Its name is a path of printable ASCII; each part has at most 64 characters, and there are few folders. */
export interface IsoFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A folder, or a file. */
export interface IsoNode {
  /** Empty for the root. */
  readonly path: string;
  readonly name: string;
  readonly parent: string;
  readonly file?: IsoFile;
}

export const ROOT = '';

/** The nodes below the root: every folder before what is in it. */
export function nodesOf(files: readonly IsoFile[]): readonly IsoNode[] {
  const nodes = new Map<string, IsoNode>();
  for (const file of files) {
    const parts = file.name.split('/');
    parts.forEach((name, index) => {
      const path = parts.slice(0, index + 1).join('/');
      const parent = parts.slice(0, index).join('/');
      const isFile = index === parts.length - 1;
      nodes.set(path, { path, name, parent, ...(isFile && { file }) });
    });
  }
  return [...nodes.values()];
}

export const childrenOf = (nodes: readonly IsoNode[], path: string): readonly IsoNode[] =>
  nodes.filter(({ parent }) => parent === path);

/**
 * Names of level 1 by path: 8.3 for files, 8 characters for folders. A number replaces the last characters if two nodes
 * of a folder would have the same name.
 */
export function levelOneNames(nodes: readonly IsoNode[]): ReadonlyMap<string, string> {
  const short = new Map<string, string>();
  const taken = new Set<string>();
  for (const node of nodes) {
    let n = 0;
    while (taken.has(`${node.parent}/${numbered(node, n)}`)) n += 1;
    const name = numbered(node, n);
    taken.add(`${node.parent}/${name}`);
    short.set(node.path, name);
  }
  return short;
}

const clean = (text: string): string => text.toUpperCase().replace(/[^A-Z0-9]/g, '_');

function numbered({ name, file }: IsoNode, n: number): string {
  const dot = file ? name.lastIndexOf('.') : -1;
  const stem = clean(dot > 0 ? name.slice(0, dot) : name);
  const suffix = n === 0 ? '' : String(n);
  const short = `${stem.slice(0, 8 - suffix.length)}${suffix}`;
  return file ? `${short}.${dot > 0 ? clean(name.slice(dot + 1)).slice(0, 3) : ''}` : short;
}
