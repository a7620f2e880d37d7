/**
 * How a number may be registered, itself first: Brazil's mobile numbers with and without the ninth digit, Mexico's with
 * and without the 1 behind 52, Argentina's with the 9 behind 54, without it, or dialled with 15 behind the area. Which
 * one it is only WhatsApp knows.
 */
export function spellingsOf(digits: string): string[] {
  return [...new Set([digits, ...brazil(digits), ...mexico(digits), ...argentina(digits)])];
}

function brazil(digits: string): string[] {
  // Old mobile numbers begin with 6 to 9; what begins with less is a landline, which is somebody else.
  const [, area, mobile] = /^55(\d{2})9?([6-9]\d{7})$/.exec(digits) ?? [];
  return area === undefined ? [] : [`55${area}9${mobile}`, `55${area}${mobile}`];
}

function mexico(digits: string): string[] {
  const [, national] = /^521?(\d{10})$/.exec(digits) ?? [];
  return national === undefined ? [] : [`52${national}`, `521${national}`];
}

function argentina(digits: string): string[] {
  const [, national] = /^549?(\d{10})$/.exec(digits) ?? [];
  if (national !== undefined) return [`549${national}`, `54${national}`];
  const [, dialled = ""] = /^54(\d{12})$/.exec(digits) ?? [];
  // An area has two to four digits; where a 15 stands after several of them, each is a guess for WhatsApp to judge.
  const places = dialled === "" ? [] : [2, 3, 4].filter((area) => dialled.slice(area, area + 2) === "15");
  return places.flatMap((area) => {
    const plain = dialled.slice(0, area) + dialled.slice(area + 2);
    return [`549${plain}`, `54${plain}`];
  });
}
