import type { Preset } from "@sandi/contracts";

export function draw([from, to]: Preset["gapMs"], chance: () => number): number {
  return Math.round(from + chance() * (to - from));
}
