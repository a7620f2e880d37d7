import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect, createServer as createTcpServer, type Server as TcpServer, type Socket } from "node:net";

/** What a proxy does with its clients. */
type Behaviour = "pass" | "refuse" | "hang";

/** A proxy on loopback that counts its connections. */
export class LocalProxy {
  behaviour: Behaviour = "pass";
  /** How many clients came, how many were connected, and to which targets. */
  asked = 0;
  passed = 0;
  bytes = 0;
  readonly targets: string[] = [];
  /** The ports of this machine that it leads on from. */
  readonly outward = new Set<number>();
  /** What they showed as credentials. */
  readonly credentials: string[] = [];
  url = "";
  readonly #scheme: "http" | "socks5";
  readonly #server: Server | TcpServer;
  readonly #sockets = new Set<Socket>();

  constructor(scheme: "http" | "socks5") {
    this.#scheme = scheme;
    this.#server = scheme === "http" ? this.#httpServer() : createTcpServer((socket) => this.#socks(socket));
    this.#server.on("connection", (socket: Socket) => this.#keep(socket));
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    const address = this.#server.address();
    const number = typeof address === "object" && address ? address.port : 0;
    this.url = `${this.#scheme}://user:p%40ss-of-proxy@127.0.0.1:${number}`;
    return this;
  }

  /** Stops, with all of its connections. */
  async die(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async comeBack(): Promise<void> {
    await this.start(Number(new URL(this.url).port));
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #lead(client: Socket, { host, port }: { host: string; port: number }, ready: () => void): void {
    this.targets.push(`${host}:${port}`);
    const target = connect(port, host, () => {
      this.passed++;
      this.outward.add(target.localPort ?? 0);
      ready();
      client.on("data", (chunk: Buffer) => (this.bytes += chunk.length));
      client.pipe(target).pipe(client);
    });
    this.#keep(target);
    client.on("close", () => target.destroy());
    target.on("close", () => client.destroy());
  }

  #httpServer(): Server {
    return createServer().on("connect", (request: IncomingMessage, client: Socket) => {
      this.asked++;
      const basic = request.headers["proxy-authorization"]?.split(" ")[1] ?? "";
      this.credentials.push(Buffer.from(basic, "base64").toString());
      if (this.behaviour === "hang") return;
      if (this.behaviour === "refuse") {
        client.end("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      const [host = "", port] = (request.url ?? "").split(":");
      this.#lead(client, { host, port: Number(port) }, () => client.write("HTTP/1.1 200 OK\r\n\r\n"));
    });
  }

  /** RFC 1928 with RFC 1929: greeting, user name and password, request. */
  #socks(client: Socket): void {
    let step = 0;
    const onData = (chunk: Buffer) => {
      step++;
      if (step === 1) {
        this.asked++;
        if (this.behaviour !== "hang") client.write(Buffer.from([5, this.behaviour === "refuse" ? 0xff : 2]));
      } else if (step === 2) {
        const user = chunk.subarray(2, 2 + chunk[1]!);
        this.credentials.push(`${user.toString()}:${chunk.subarray(3 + chunk[1]!).toString()}`);
        client.write(Buffer.from([1, 0]));
      } else {
        client.off("data", onData);
        const isName = chunk[3] === 3;
        const end = isName ? 5 + chunk[4]! : 8;
        const host = isName ? chunk.subarray(5, end).toString() : [...chunk.subarray(4, 8)].join(".");
        const done = () => client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
        this.#lead(client, { host, port: chunk.readUInt16BE(end) }, done);
      }
    };
    client.on("data", onData);
  }
}
