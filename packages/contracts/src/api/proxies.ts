import { z } from "zod";

const ports = { http: 80, https: 443, socks5: 1080 } as const;

/** The parts of a proxy's URL that may be shown. */
export interface ProxyAddress {
  scheme: keyof typeof ports;
  host: string;
  port: number;
}

/** The address in a proxy's URL; undefined if the URL is not a proxy's. */
export function proxyAddress(text: string): ProxyAddress | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme = url?.protocol.slice(0, -1) as ProxyAddress["scheme"];
  if (!url || !Object.hasOwn(ports, scheme) || url.hostname === "" || url.hostname.length > 253) return undefined;
  if (!["", "/"].includes(url.pathname) || url.search !== "" || url.hash !== "") return undefined;
  if (![url.username, url.password].every(isCredential)) return undefined;
  const port = url.port === "" ? ports[scheme] : Number(url.port);
  return port === 0 ? undefined : { scheme, host: url.hostname.replaceAll(/^\[|\]$/g, ""), port };
}

/** SOCKS5 has one byte for the length of a credential. */
function isCredential(encoded: string): boolean {
  try {
    return new TextEncoder().encode(decodeURIComponent(encoded)).length <= 255;
  } catch {
    return false;
  }
}

export const SetSessionProxy = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .max(1024)
      .refine(
        (text) => proxyAddress(text) !== undefined,
        "must be a URL of a proxy: http, https or socks5, without a path",
      )
      .meta({
        description: "The proxy's URL, with user name and password if it needs them.",
        example: "socks5://user:password@proxy.example.com:1080",
      }),
  })
  .meta({ id: "SetSessionProxy" });
