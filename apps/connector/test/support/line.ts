import { connect, createServer, type Socket } from "node:net";

/** A TCP connection to a server on this machine that can be cut, or swallow all data. */
export interface Line {
  port: number;
  /** `cut`: connections are refused. `deaf`: data is lost in both directions. */
  set(state: "up" | "cut" | "deaf"): void;
  close(): Promise<void>;
}

export async function lineTo(port: number): Promise<Line> {
  let state: "up" | "cut" | "deaf" = "up";
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    if (state === "cut") {
      near.destroy();
      return;
    }
    const far = connect(port, "127.0.0.1");
    keep(far);
    near.on("data", (data) => state === "up" && far.write(data));
    far.on("data", (data) => state === "up" && near.write(data));
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const drop = () => sockets.forEach((socket) => socket.destroy());
  return {
    port: typeof address === "object" && address ? address.port : 0,
    set(next) {
      state = next;
      if (next === "cut") drop();
    },
    async close() {
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
