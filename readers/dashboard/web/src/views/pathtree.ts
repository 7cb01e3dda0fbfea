// A tree of things by their slash-separated paths: folders first, each level by name, numbers in their order.

export interface PathNode<T> {
  /** The last part of the path. */
  readonly name: string;
  readonly path: string;
  readonly folders: PathNode<T>[];
  readonly items: { readonly name: string; readonly item: T }[];
  /** Items here and in all folders below. */
  count: number;
}

const order = new Intl.Collator("en", { numeric: true });

export function pathTree<T>(items: Iterable<T>, pathOf: (item: T) => string): PathNode<T> {
  const root = folder<T>("", "");
  const known = new Map<string, PathNode<T>>([["", root]]);
  for (const item of items) {
    const parts = pathOf(item).split("/");
    const name = parts.pop() ?? "";
    let here = root;
    here.count += 1;
    for (const part of parts) {
      const path = here === root ? part : `${here.path}/${part}`;
      let next = known.get(path);
      if (next === undefined) {
        next = folder<T>(part, path);
        known.set(path, next);
        here.folders.push(next);
      }
      next.count += 1;
      here = next;
    }
    here.items.push({ name, item });
  }
  for (const node of known.values()) {
    node.folders.sort((a, b) => order.compare(a.name, b.name));
    node.items.sort((a, b) => order.compare(a.name, b.name));
  }
  return root;
}

function folder<T>(name: string, path: string): PathNode<T> {
  return { name, path, folders: [], items: [], count: 0 };
}
