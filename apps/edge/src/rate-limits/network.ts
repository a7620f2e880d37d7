import { parseAddress } from "../addresses.ts";

const v4InV6 = "0".repeat(20) + "ffff";

/** What an address counts as, however it is spelled: IPv4 by itself, also when mapped into IPv6; IPv6 by its /64. */
export function networkOf(address: string): string {
  const digits = parseAddress(address);
  if (digits === undefined) return address;
  return digits.startsWith(v4InV6) ? digits : digits.slice(0, 16);
}
