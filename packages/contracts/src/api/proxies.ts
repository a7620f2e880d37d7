import { z } from "zod";

const ports = { http: 80, https: 443, socks5: 1080 } as const;

/** Of a proxy's URL what may be shown. */
export interface ProxyAddress {
  scheme: keyof typeof ports;
  host: string;
  port: number;
}

/** Where a proxy is by its URL; undefined when it is none of a proxy. */
export function proxyAddress(text: string): ProxyAddress | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const scheme = url?.protocol.slice(0, -1) as ProxyAddress["scheme"];
  if (!url || !Object.hasOwn(ports, scheme) || url.hostname === "" || url.hostname.length > 253) return undefined;
  if (!["", "/"].includes(url.pathname) || url.search !== "" || url.hash !== "") return undefined;
  if (![url.username, url.password].every(isCredential)) return undefined;
  const port = url.port === "" ? ports[scheme] : Number(url.port);
  return port === 0 ? undefined : { scheme, host: url.hostname.replaceAll(/^\[|\]$/g, ""), port };
}

/** SOCKS has a byte for the length. */
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
        description: "Where the proxy is, with its user name and password if it wants them.",
        example: "socks5://user:password@proxy.example.com:1080",
      }),
  })
  .meta({ id: "SetSessionProxy" });
