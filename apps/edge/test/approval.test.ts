import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attacks, type Guard, type Way, waysOf, type World } from "./approval/guards.ts";
import { table } from "./approval/table.ts";
import { outcome, startWorld, withoutAttack } from "./approval/ways.ts";

// Everything that guards a verification, against every way to `approved`. `tsc` refuses a missing or a needless cell: a
// new approver, a new status and a new field of a request have to be placed first.

describe.each(Object.keys(attacks) as Guard[])("the guard %s", (guard) => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(async () => {
    await world.edge.settled();
    world.edge.close();
  });

  it.each<Way>(Object.values(waysOf).flat())("holds on the way: %s", async (way) => {
    const attack = attacks[guard];
    const attacked = await outcome(world, way, attack);
    expect(`${attacked} | ${await outcome(world, way, withoutAttack(attack))}`).toBe(table[guard][way]);
  });
});
