import { isAmong } from "../addresses.ts";

/** Reserved and private addresses. */
const notPublic = `
  0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
  192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
  ::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/8 200::/7 400::/6 800::/5 1000::/4
  2001::/23 2001:db8::/32 2002::/16 3fff::/20 4000::/2 8000::/1`
  .trim()
  .split(/\s+/);
const loopback = ["127.0.0.0/8", "::1"];
const ownNames = /(?:^|\.)(?:localhost|local|localdomain|internal|intranet|lan|home|corp|private|home\.arpa|onion)$/;

const addressIn = ({ hostname }: URL) => hostname.replace(/^\[|\]$/g, "");

/** Whether the host of a URL is this machine. */
export function isLoopback(url: string): boolean {
  const address = addressIn(new URL(url));
  return address === "localhost" || isAmong(address, loopback);
}

/**
 * The fault of an address that a customer gives us to call; undefined if there is none. The runtime blocks names that
 * resolve to private addresses (`global_fetch_strictly_public`). The URL parser normalizes odd spellings (`0x7f.1`).
 */
export function targetFault(text: string, { allowLocal }: { allowLocal: boolean }): string | undefined {
  if (!/^[!-~]+$/.test(text) || !URL.canParse(text)) return "must be a URL";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") return "must not hold a user name or password";
  if (allowLocal && /^https?:$/.test(url.protocol) && isLoopback(text)) return undefined;
  if (url.protocol !== "https:") return "must be an https address";
  const address = addressIn(url).replace(/\.$/, "");
  const isLiteral = address.includes(":") || /^[0-9.]+$/.test(address);
  const isPublic = isLiteral ? !isAmong(address, notPublic) : address.includes(".") && !ownNames.test(address);
  return isPublic ? undefined : "must be an address on the public internet";
}
