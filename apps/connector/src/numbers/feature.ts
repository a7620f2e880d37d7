import type { Context } from "../context.ts";
import { numberStore } from "../store/numbers.ts";
import { createKnownNumbers, type KnownNumbers } from "./known-numbers.ts";
import { createLookUpBudget } from "./look-up-budget.ts";
import { createNumbers, type Numbers } from "./numbers.ts";

/** What is known of numbers, and the look-ups of those that are unknown. */
export function openNumbers({ store, pseudonym, ownAtRest, services, config }: Context): {
  numbers: Numbers;
  knownNumbers: KnownNumbers;
} {
  const knownNumbers = createKnownNumbers(numberStore(store, pseudonym, ownAtRest), services);
  const budget = createLookUpBudget(store, config.lookUps, services);
  return { knownNumbers, numbers: createNumbers(knownNumbers, budget, services) };
}
