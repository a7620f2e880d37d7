import { expect, test } from "vitest";
import { spellingsOf } from "../src/jobs/spellings.ts";

test.each([
  ["an old Brazilian mobile number", "551187654321", ["551187654321", "5511987654321"]],
  ["a new one", "5511987654321", ["5511987654321", "551187654321"]],
  ["a Brazilian landline", "551132654321", ["551132654321"]],
  ["what would be a landline without its 9", "5511932654321", ["5511932654321"]],
  ["a Mexican number", "525512345678", ["525512345678", "5215512345678"]],
  ["the same with the 1", "5215512345678", ["5215512345678", "525512345678"]],
  ["an Argentine mobile number", "5491123456789", ["5491123456789", "541123456789"]],
  ["the same without the 9", "541123456789", ["541123456789", "5491123456789"]],
  ["the same as it is dialled", "54111523456789", ["54111523456789", "5491123456789", "541123456789"]],
  ["one whose area has four digits", "54290115412345", ["54290115412345", "5492901412345", "542901412345"]],
  ["any other", "6281300000001", ["6281300000001"]],
])("%s", (_name, digits, spellings) => {
  expect(spellingsOf(digits)).toEqual(spellings);
});
