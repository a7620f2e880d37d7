/** A range of addresses with both ends, each as 32 hex digits. An IPv4 address is written in ::ffff:0:0/96. */
export interface AddressRange {
  first: string;
  last: string;
}

const bits = 128;
const v4InV6 = 0xffffn << 32n;

/** An IPv4 or IPv6 address as 32 hex digits; undefined for any other text, such as zones and leading zeros. */
export function parseAddress(text: string): string | undefined {
  const value = text.includes(":") ? parseV6(text) : parseV4(text);
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

/** True when the address is in one of these addresses and ranges. */
export function isAmong(address: string, ranges: readonly string[]): boolean {
  const wanted = parseAddress(address);
  if (wanted === undefined) return false;
  return ranges.some((text) => {
    const range = parseRange(text);
    return range !== undefined && range.first <= wanted && wanted <= range.last;
  });
}

/** True when every address of `inner` is in `outer`. */
export function isRangeWithin(inner: string, outer: string): boolean {
  const [a, b] = [parseRange(inner), parseRange(outer)];
  return a !== undefined && b !== undefined && b.first <= a.first && a.last <= b.last;
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return v4InV6 | value;
}

/** The URL parser knows every spelling of an IPv6 address and writes it in one, without leading zeros or IPv4 parts. */
function parseV6(text: string): bigint | undefined {
  const url = /^[0-9a-f:.]+$/i.test(text) ? URL.parse(`http://[${text}]`) : null;
  if (!url) return undefined;
  const [head = [], tail = []] = url.hostname
    .slice(1, -1)
    .split("::")
    .map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  return [...head, ...zeros, ...tail].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

const hex = (value: bigint) => value.toString(16).padStart(bits / 4, "0");
