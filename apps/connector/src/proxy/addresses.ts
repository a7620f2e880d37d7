import { lookup as resolve } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { reservedRanges } from "@sandi/contracts";

const reserved = new BlockList();
for (const range of reservedRanges) {
  const [first = "", bits] = range.split("/");
  const family = isIP(first) === 6 ? "ipv6" : "ipv4";
  if (bits === undefined) reserved.addAddress(first, family);
  else reserved.addSubnet(first, Number(bits), family);
}

/** The only part of IPv6 that is assigned to the public internet. */
const public6 = new BlockList();
public6.addSubnet("2000::", 3, "ipv6");

/** Whether an address is on the public internet: not loopback, private, link-local, metadata, multicast or reserved. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !reserved.check(address);
  if (family !== 6 || address.includes("%")) return false;
  return public6.check(address, "ipv6") && !reserved.check(address, "ipv6");
}

/** A name resolves to an address that is not allowed. The text holds neither of them. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
  constructor() {
    super("the address is not on the public internet");
  }
}

/** Resolves names as the system does, and refuses a name that has any private address. */
export function publicLookup(lookup: typeof resolve = resolve): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || !first) return callback(error ?? new AddressRefused(), "", 0);
      if (!addresses.every(({ address }) => isPublicAddress(address))) return callback(new AddressRefused(), "", 0);
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
