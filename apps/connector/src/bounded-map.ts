/** A map that keeps the most recently used entries, up to a number and an age. It allocates nothing in advance. */
export interface BoundedMap<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): void;
  delete(key: string): void;
  clear(): void;
}

interface Entries<Value> extends BoundedMap<Value> {
  keys(): Iterable<string>;
}

export function createBoundedMap<Value>(max: number, ttlMs = Infinity, now: () => number = Date.now): Entries<Value> {
  const entries = new Map<string, { value: Value; until: number }>();
  return {
    get(key) {
      const entry = entries.get(key);
      if (!entry) return undefined;
      entries.delete(key);
      if (entry.until <= now()) return undefined;
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value) {
      entries.delete(key);
      entries.set(key, { value, until: now() + ttlMs });
      if (entries.size > max) {
        const [oldest] = entries.keys();
        if (oldest !== undefined) entries.delete(oldest);
      }
    },
    delete(key) {
      entries.delete(key);
    },
    clear: () => entries.clear(),
    keys: () => entries.keys(),
  };
}

/** Makes maps that share one bound: the most recently used entries of all of them are kept. */
export function createSharedBound<Value>(max: number, ttlMs?: number): () => BoundedMap<Value> {
  const all = createBoundedMap<Value>(max, ttlMs);
  let made = 0;
  return () => {
    const own = `${(made++).toString(36)} `;
    return {
      get: (key) => all.get(own + key),
      set: (key, value) => all.set(own + key, value),
      delete: (key) => all.delete(own + key),
      clear() {
        for (const key of all.keys()) if (key.startsWith(own)) all.delete(key);
      },
    };
  };
}
