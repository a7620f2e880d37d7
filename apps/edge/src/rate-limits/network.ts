import { parseAddress } from "../addresses.ts";

const v4InV6 = "0".repeat(20) + "ffff";

/** The network of an address in any spelling: the address itself for IPv4, also mapped into IPv6; the /64 for IPv6. */
export function networkOf(address: string): string {
  const digits = parseAddress(address);
  if (digits === undefined) return address;
  return digits.startsWith(v4InV6) ? digits : digits.slice(0, 16);
}
