/**
 * Values that edges of before 2026-12 sealed name no purpose, and are taken until then: codes and messages live a day at
 * most, and a proxy that was set before has to be set again.
 */
export const purposeNeededFrom = new Date("2027-06-01T00:00:00Z");

/**
 * Whether a sealed value is for what it came with. If not, somebody moved it in the edge's database. An edge of before
 * 2026-12 does not say of which verification a code is: then `expected` is undefined.
 */
export function isFor(purpose: string | undefined, expected: string | undefined, now: Date): boolean {
  if (purpose === undefined || expected === undefined) return now < purposeNeededFrom;
  return purpose === expected;
}
