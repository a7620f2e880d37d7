import { describe, expect, it } from "vitest";
import {
  canonicalNumber,
  canonicalPrefixes,
  countriesOfTwoSpellings,
  isSameAccount,
  spellingsOf,
} from "../src/index.ts";

/** Country, canonical spelling, the other one. */
const pairs: [string, string, string][] = [
  ["MX", "+525512345678", "+5215512345678"],
  ["MX, an area of three digits", "+529841056553", "+5219841056553"],
  ["AR, Buenos Aires", "+5491123456789", "+541123456789"],
  ["AR, an area of four digits", "+5492901412345", "+542901412345"],
  ["AR, Córdoba", "+5493514123456", "+543514123456"],
  ["BR, São Paulo", "+5511987654321", "+551187654321"],
  ["BR, eight digits that begin with 9", "+5561991674812", "+556191674812"],
  ["BR, eight digits that begin with 7", "+5531971234567", "+553171234567"],
  ["BR, eight digits that begin with 6", "+5511961234567", "+551161234567"],
  ["BJ, MTN", "+2290161234567", "+22961234567"],
  ["BJ, Moov", "+2290195123456", "+22995123456"],
  ["BJ, Celtiis", "+2290140123456", "+22940123456"],
  ["CI, Orange", "+2250747123456", "+22547123456"],
  ["CI, Orange, 07 twice", "+2250707123456", "+22507123456"],
  ["CI, MTN", "+2250544123456", "+22544123456"],
  ["CI, Moov", "+2250140123456", "+22540123456"],
];

/** One spelling: landlines, services, numbers of new ranges, too short or too long, other countries. */
const alone = [
  ["a Brazilian landline", "+551132654321"],
  ["a Brazilian landline that begins with 5", "+551155551234"],
  ["a Brazilian mobile number that never had eight digits", "+5511932654321"],
  ["Brazil, toll-free", "+558001234567"],
  ["Brazil, a digit too many", "+55119876543210"],
  ["Mexico, a digit too many", "+52155123456789"],
  ["Mexico, an area that there is not", "+521512345678"],
  ["Argentina, toll-free", "+548001234567"],
  ["Argentina, dialled with 15", "+54111523456789"],
  ["Argentina, a digit too few", "+54911234567"],
  ["a Beninese landline, of today", "+2290121301234"],
  ["a Beninese landline, former plan", "+22921301234"],
  ["an Ivorian landline, of today", "+2252720301234"],
  ["an Ivorian landline, former plan", "+22520301234"],
  ["Côte d'Ivoire, a new range of Orange", "+2250700123456"],
  ["Côte d'Ivoire, one operator's prefix on another's number", "+2250744123456"],
  ["Gabon", "+24177123456"],
  ["Vietnam", "+84701234567"],
  ["Indonesia", "+6281300000001"],
  ["the United States", "+15212345678"],
  ["Italy", "+390669812345"],
  ["the sandbox", "+99900000001"],
];

describe("the canonical form of a number", () => {
  it.each(pairs)("is one for both spellings: %s", (_name, canonical, other) => {
    for (const written of [canonical, other]) {
      expect(canonicalNumber(written)).toBe(canonical);
      expect(spellingsOf(written)).toEqual([canonical, other]);
      expect(spellingsOf(written.slice(1))).toEqual([canonical.slice(1), other.slice(1)]);
    }
  });

  it.each(alone)("is itself for whatever has one spelling: %s", (_name, number) => {
    expect(spellingsOf(number)).toEqual([number]);
  });

  it("is stable, shared by all spellings, and of no other number, for any digits", () => {
    const owners = new Map<string, string>();
    const wrong: string[] = [];
    for (const number of drawn(100_000)) {
      const spellings = spellingsOf(number);
      const [canonical = ""] = spellings;
      // A spelling that two canonical forms claimed would let one subscriber answer for another.
      const isSound = (one: string) =>
        canonicalNumber(one) === canonical &&
        (owners.get(one) ?? canonical) === canonical &&
        one.endsWith(number.slice(-8));
      if (!spellings.includes(number) || !spellings.every(isSound)) wrong.push(number);
      for (const one of spellings) owners.set(one, canonical);
    }
    expect(wrong).toEqual([]);
    expect(owners.size).toBeGreaterThan(new Set(owners.values()).size + 10_000);
  });

  it("says whether two numbers are one account", () => {
    expect(isSameAccount("+5215512345678", "+525512345678")).toBe(true);
    expect(isSameAccount("+5215512345678", "+525512345679")).toBe(false);
  });

  it("names the countries that have two spellings", () => {
    expect(new Set(countriesOfTwoSpellings)).toEqual(new Set(pairs.map(([name]) => name.slice(0, 2))));
  });
});

describe("the beginning of a number", () => {
  it.each([
    ["521", ["521", "52"]],
    ["52155", ["52155", "5255"]],
    ["541", ["541", "5491"]],
    ["5411", ["5411", "54911"]],
    ["54911", ["54911"]],
    ["54800", ["54800"]],
    ["551187", ["551187", "5511987"]],
    ["551132", ["551132"]],
    ["22961", ["22961", "2290161"]],
    ["22547", ["22547", "2250747"]],
    ["22507", ["22507", "2250707"]],
    ["2252720", ["2252720"]],
    ["62812", ["62812"]],
  ])("%s may begin the canonical numbers %j", (digits, prefixes) => {
    expect(canonicalPrefixes(digits)).toEqual(prefixes);
  });

  it("in whatever spelling begins that number's canonical spelling", () => {
    const wrong: string[] = [];
    for (const number of drawn(20_000)) {
      const canonical = canonicalNumber(number).slice(1);
      for (let end = 2; end <= number.length; end++) {
        if (!canonicalPrefixes(number.slice(1, end)).some((prefix) => canonical.startsWith(prefix))) wrong.push(number);
      }
    }
    expect(wrong).toEqual([]);
  });
});

/** Numbers of those countries, right ones and wrong ones, the same ones always. */
function* drawn(count: number): Generator<string> {
  const heads = [
    "52",
    "521",
    "54",
    "549",
    "5411",
    "5511",
    "55119",
    "5561",
    "229",
    "22901",
    "225",
    "22507",
    "22505",
    "22501",
  ];
  let state = 1;
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 16) % below;
  };
  for (let i = 0; i < count; i++) {
    const digits = Array.from({ length: 7 + next(4) }, () => next(10)).join("");
    yield `+${heads[next(heads.length)]}${digits}`;
  }
}
