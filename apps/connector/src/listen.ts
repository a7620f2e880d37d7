import { serve } from "@hono/node-server";
import type { Config } from "./config.ts";

/** An HTTP server on a port. */
export interface Server {
  port: number;
  close(): Promise<void>;
}

/** Rejects when the port is taken. */
export async function listen(
  fetch: Parameters<typeof serve>[0]["fetch"],
  { host, port }: Pick<Config, "host" | "port">,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: host, port, overrideGlobalObjects: false }, (address) =>
      resolve({
        port: address.port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            if ("closeIdleConnections" in server) server.closeIdleConnections();
            setTimeout(() => "closeAllConnections" in server && server.closeAllConnections(), 500).unref();
          }),
      }),
    );
    server.on("error", reject);
  });
}
