/** A quota within a window. The window begins with its first use. */
export interface Limit {
  /** The name in `RateLimit-Policy`. */
  name: string;
  /** What is counted, within the key's workspace. Personal data is hashed, because Redis stores it. */
  id: string;
  quota: number;
  windowSeconds: number;
  /** How much this request consumes; 1 if left out. */
  cost?: number;
}
