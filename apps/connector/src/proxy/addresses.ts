import { lookup as resolve } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

const private4 = new BlockList();
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
  private4.addSubnet(network, Number(bits));
}

/** IPv6: only the public range 2000::/3, without the ranges that lead back into IPv4 or nowhere. */
const public6 = new BlockList();
public6.addSubnet("2000::", 3, "ipv6");
const private6 = new BlockList();
private6.addSubnet("2001::", 23, "ipv6");
private6.addSubnet("2001:db8::", 32, "ipv6");
private6.addSubnet("2002::", 16, "ipv6");
private6.addSubnet("3fff::", 20, "ipv6");

/** Whether an address is on the public internet: not loopback, private, link-local, metadata, multicast or reserved. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !private4.check(address);
  if (family !== 6 || address.includes("%")) return false;
  return public6.check(address, "ipv6") && !private6.check(address, "ipv6");
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
