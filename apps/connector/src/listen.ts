import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Config } from "./config.ts";

/** An HTTP server on a port. */
export interface Server {
  port: number;
  close(): Promise<void>;
}

/** Rejects when the port is taken. */
export async function listen(answer: RequestListener, { host, port }: Pick<Config, "host" | "port">): Promise<Server> {
  const server = createServer(answer);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 500).unref();
      }),
  };
}
