/** What signs requests to an endpoint, or requests that an endpoint gets. */
export interface SigningSecrets {
  secret: string;
  /** The secret before this one. It works until `previousUntil`. */
  previousSecret?: string;
  previousUntil?: number;
}

const usualOverlapMs = 24 * 3600_000;

/**
 * Replaces the secret; the former one works for 24 hours, or for `overlapMs`. Answers `present` itself if the secret is the
 * same.
 * @param given with or without the version `v1,`
 */
export function rotateSecret<S extends SigningSecrets>(
  present: S,
  given: string,
  { at, overlapMs = usualOverlapMs }: { at: number; overlapMs?: number },
): S & SigningSecrets {
  const secret = given.replace(/^v1,/, "");
  if (secret === present.secret) return present;
  return { ...present, secret, previousSecret: present.secret, previousUntil: at + overlapMs };
}

/** The secrets that work now, the present one first. */
export const validSecrets = ({ secret, previousSecret, previousUntil = 0 }: SigningSecrets, at: number): string[] =>
  previousSecret !== undefined && previousUntil > at ? [secret, previousSecret] : [secret];
