/** Adds an entry to a map of at most `most` entries. A full map loses its oldest entry. */
export function remember<Value>(map: Map<string, Value>, [key, value]: [string, Value], most: number): void {
  map.delete(key);
  if (map.size >= most) map.delete(map.keys().next().value ?? "");
  map.set(key, value);
}
