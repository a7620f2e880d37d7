/** So many may be taken within a window, which begins with the first. */
export interface Limit {
  /** As callers see it in `RateLimit-Policy`. */
  name: string;
  /** What it counts, within the key's workspace; hashed if it is personal, for it stands in Redis. */
  id: string;
  quota: number;
  windowSeconds: number;
  /** What this request takes; 1 if left out. */
  cost?: number;
}
