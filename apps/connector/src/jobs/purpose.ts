/**
 * Edges before 2026-12 sealed values without a purpose. These are accepted until this date. Codes and messages live a day
 * at most. A proxy that such an edge set has to be set again.
 */
export const purposeNeededFrom = new Date("2027-06-01T00:00:00Z");

/**
 * Whether a sealed value belongs to the row that it came with. If not, somebody moved it in the edge's database. `expected`
 * is undefined for a code of an edge before 2026-12, which does not name the verification.
 */
export function isFor(purpose: string | undefined, expected: string | undefined, now: Date): boolean {
  if (purpose === undefined || expected === undefined) return now < purposeNeededFrom;
  return purpose === expected;
}
