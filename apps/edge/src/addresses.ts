/** A range of addresses, both ends included, each as 32 hex digits; IPv4 stands in ::ffff:0:0/96. */
export interface AddressRange {
  first: string;
  last: string;
}

const bits = 128;
const v4InV6 = 0xffffn << 32n;

/** An IPv4 or IPv6 address as 32 hex digits; undefined for anything else, zones and leading zeros among it. */
export function parseAddress(text: string): string | undefined {
  const value = text.includes(":") ? parseV6(text) : parseV4(text, v4InV6);
  return value === undefined ? undefined : hex(value);
}

/** An address, or a CIDR range written with its first address: `203.0.113.0/24` and not `203.0.113.7/24`. */
export function parseRange(text: string): AddressRange | undefined {
  const [start = "", length, ...rest] = text.split("/");
  const first = parseAddress(start);
  if (first === undefined || rest.length > 0) return undefined;
  if (length === undefined) return { first, last: first };
  const width = start.includes(":") ? bits : 32;
  if (!/^(0|[1-9][0-9]{0,2})$/.test(length) || Number(length) > width) return undefined;
  const hosts = (1n << BigInt(width - Number(length))) - 1n;
  const value = BigInt(`0x${first}`);
  if ((value & hosts) !== 0n) return undefined;
  return { first, last: hex(value | hosts) };
}

/** Whether an address is among these addresses and ranges; what is no address is nowhere. */
export function isAmong(address: string, ranges: readonly string[]): boolean {
  const wanted = parseAddress(address);
  if (wanted === undefined) return false;
  return ranges.some((text) => {
    const range = parseRange(text);
    return range !== undefined && range.first <= wanted && wanted <= range.last;
  });
}

/** Whether every address of one range is in another. */
export function isRangeWithin(inner: string, outer: string): boolean {
  const [a, b] = [parseRange(inner), parseRange(outer)];
  return a !== undefined && b !== undefined && b.first <= a.first && a.last <= b.last;
}

function parseV4(text: string, base: bigint): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return base | value;
}

function parseV6(text: string): bigint | undefined {
  const [before = "", after, ...rest] = text.split("::");
  if (rest.length > 0) return undefined;
  const head = groups(before, after === undefined);
  const tail = after === undefined ? [] : groups(after, true);
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  // `::` stands for one group at least.
  if (after === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array.from({ length: missing }, () => 0n), ...tail];
  return all.reduce((value, group) => (value << 16n) | group, 0n);
}

/** Groups of 16 bits; the last may be an IPv4 address, which is two. */
function groups(text: string, mayEndInV4: boolean): bigint[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const found: bigint[] = [];
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      found.push(BigInt(`0x${part}`));
      continue;
    }
    const v4 = mayEndInV4 && i === parts.length - 1 ? parseV4(part, 0n) : undefined;
    if (v4 === undefined) return undefined;
    found.push(v4 >> 16n, v4 & 0xffffn);
  }
  return found;
}

const hex = (value: bigint) => value.toString(16).padStart(bits / 4, "0");
