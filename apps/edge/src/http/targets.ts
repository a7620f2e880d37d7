import { reservedRanges } from "@sandi/contracts";
import { isAmong, parseAddress } from "../addresses.ts";

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
  const host = addressIn(url).replace(/\.$/, "");
  const isLiteral = host.includes(":") || /^[0-9.]+$/.test(host);
  const isPublic = isLiteral
    ? parseAddress(host) !== undefined && !isAmong(host, reservedRanges)
    : /[^.]\.[^.]+$/.test(host) && !ownNames.test(host);
  return isPublic ? undefined : "must be an address on the public internet";
}
