import { lookup as resolve } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

const inside4 = new BlockList();
for (const range of [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "168.63.129.16/32",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
]) {
  const [network = "", bits] = range.split("/");
  inside4.addSubnet(network, Number(bits));
}

/** Of IPv6 only what is given out to the public, less what leads back into IPv4 or nowhere. */
const outside6 = new BlockList();
outside6.addSubnet("2000::", 3, "ipv6");
const inside6 = new BlockList();
inside6.addSubnet("2001::", 23, "ipv6");
inside6.addSubnet("2001:db8::", 32, "ipv6");
inside6.addSubnet("2002::", 16, "ipv6");
inside6.addSubnet("3fff::", 20, "ipv6");

/** Whether an address is of the public internet: not loopback, private, link-local, metadata, multicast or reserved. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !inside4.check(address);
  if (family !== 6 || address.includes("%")) return false;
  return outside6.check(address, "ipv6") && !inside6.check(address, "ipv6");
}

/** A name was resolved to an address that may not be reached; neither is in the text. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
  constructor() {
    super("the address is not of the public internet");
  }
}

/** Resolves names as the system does, and refuses a name any of whose addresses is not public. */
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
