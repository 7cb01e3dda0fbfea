// Searching lists: every word of the search must occur somewhere in the row, in any order, whatever its case.

export function matcher(search: string): (...texts: readonly string[]) => boolean {
  const words = search.toLowerCase().split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return () => true;
  return (...texts) => {
    const lowered = texts.map((text) => text.slice(0, 10_000).toLowerCase());
    return words.every((word) => lowered.some((text) => text.includes(word)));
  };
}
