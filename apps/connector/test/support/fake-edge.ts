import { createServer, type IncomingMessage, type Server } from "node:http";
import { createHash } from "node:crypto";
import { SignJWT } from "jose";
import {
  ClaimRequest,
  type ClaimResult,
  createId,
  type ConnectorEvent,
  EventBatch,
  type InboundMedia,
  inboundMediaText,
  mediaPath,
  readInboundMediaHeaders,
  type RevokeJob,
  type SendJob,
  type SealedPayload,
  type SessionJob,
  sealedFor,
} from "@sandi/contracts";
import {
  createSealer,
  createTokenSigner,
  createTokenVerifier,
  generateKeyText,
  generateSealingKeys,
  generateTokenKeys,
  type TokenVerifier,
  webRandom,
} from "@sandi/crypto";

/** Every key that the two sides share, made once for a test file. */
export async function makeKeys() {
  const [edge, connector, sealing] = await Promise.all([
    generateTokenKeys("edge-1"),
    generateTokenKeys("connector-1"),
    generateSealingKeys("seal-1"),
  ]);
  return {
    edge,
    connector,
    sealing,
    store: generateKeyText("store-1", webRandom),
    qstash: { current: "sig_current_0123456789", next: "sig_next_0123456789" },
  };
}
export type Keys = Awaited<ReturnType<typeof makeKeys>>;

/** The payload of a message that the edge seals: a code, a text, or content that names its type. */
export type FakePayload =
  | { to: string; code: string }
  | { to: string; text: string }
  | Exclude<SealedPayload, { type: "code" }>;

interface FakeMessage {
  sealed: string;
  verificationId?: string | null;
  template: string | null;
  expiresAt: string;
  attempt: number;
}

/** An edge that hands out messages, keeps events, and calls the connector as QStash and as itself. */
export class FakeEdge {
  readonly events: ConnectorEvent[] = [];
  readonly claims: ClaimRequest[] = [];
  /** What only sender and recipient may read: codes, texts, QR codes. */
  readonly secrets: string[] = [];
  /** Every body that was posted, as it came. */
  readonly bodies: string[] = [];
  /** What `/internal/events` answers in place of taking the batch. */
  refuse: ((batch: EventBatch) => number | null) | null = null;
  /** The files of messages to send, by the ids of these files. */
  readonly uploaded = new Map<string, Buffer>();
  /** The files of received messages, by the ids of these. */
  readonly files = new Map<string, { mediaId: string; media: InboundMedia; bytes: Buffer }>();
  /** The message of each upload, repetitions included. */
  readonly uploads: string[] = [];
  /** Messages whose files it stores no more. */
  readonly deleted = new Set<string>();
  takesNoFiles = false;
  /** Runs before a file is stored. */
  onUpload: ((messageId: string) => Promise<void>) | undefined;
  claimAnswer: ((messageId: string) => ClaimResult | null) | null = null;
  isDown = false;
  /** How long sessions keep contents, as it answers events. */
  contentMs: Record<string, number> = {};
  /** Whose sessions these are. */
  workspaceId = "";
  /** The clock that it shares with the connector. */
  now = () => new Date();
  url = "";
  connectorUrl = "";
  /** The address that QStash's signatures name; the connector's own unless several share one. */
  publicUrl: string | undefined;
  readonly keys: Keys;
  readonly #messages = new Map<string, FakeMessage>();
  readonly #seen = new Set<string>();
  #server: Server | undefined;

  constructor(keys: Keys) {
    this.keys = keys;
  }

  async start(port = 0): Promise<void> {
    const verify = createTokenVerifier({
      publicJwk: this.keys.connector.publicJwk,
      issuer: "sandi-connector",
      audience: "sandi-edge",
      now: () => this.now(),
    });
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const path = request.url ?? "";
        const [, asked] = /^\/internal\/media\/(.+)$/.exec(path) ?? [];
        if (asked !== undefined) {
          const file = this.uploaded.get(asked);
          response.writeHead(file ? 200 : 404).end(file);
          return;
        }
        if (path === mediaPath) {
          void this.#takeFile(request, Buffer.concat(chunks), verify).then(
            (mediaId) => response.end(JSON.stringify({ mediaId })),
            (error: unknown) => response.writeHead(503).end(String(error)),
          );
          return;
        }
        const body = Buffer.concat(chunks).toString();
        this.bodies.push(body);
        // oxlint-disable-next-line unicorn/consistent-function-scoping -- it answers this very request
        const answer = (status: number, value: unknown) => {
          response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
        };
        if (this.isDown) {
          request.socket.destroy();
          return;
        }
        const token = request.headers.authorization?.slice(7) ?? "";
        verify(token, { method: "POST", path, body }).then(
          () =>
            path.endsWith("/claim")
              ? answer(200, this.#claim(body))
              : answer(this.#take(body), { applied: 1, contentMs: this.contentMs }),
          (error: unknown) => answer(401, { error: String(error) }),
        );
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(port, "127.0.0.1", resolve));
    const address = this.#server?.address();
    this.url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  }

  /** Stores a file once for each message, as the edge does. */
  async #takeFile(request: IncomingMessage, bytes: Buffer, verify: TokenVerifier): Promise<string | null> {
    if (this.isDown || this.takesNoFiles) throw new Error("the edge is down");
    const read = readInboundMediaHeaders({ get: (name) => request.headers[name]?.toString() ?? null });
    const media = { ...read, sizeBytes: Number(read["sizeBytes"]) } as InboundMedia;
    const token = request.headers.authorization?.slice(7) ?? "";
    await verify(token, { method: "POST", path: mediaPath, body: inboundMediaText(media) });
    if (this.deleted.has(media.uploadId)) return null;
    await this.onUpload?.(media.uploadId);
    this.uploads.push(media.uploadId);
    const known = this.files.get(media.uploadId);
    if (known) return known.mediaId;
    if (!request.complete || createHash("sha256").update(bytes).digest("hex") !== media.sha256)
      throw new Error("the file is another one");
    const mediaId = createId("med", this.now(), webRandom(10));
    this.files.set(media.uploadId, { mediaId, media, bytes });
    return mediaId;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()));
  }

  #claim(body: string) {
    const request = ClaimRequest.parse(JSON.parse(body));
    this.claims.push(request);
    const results = request.claims.map(({ messageId }): ClaimResult => {
      const special = this.claimAnswer?.(messageId);
      if (special) return special;
      const message = this.#messages.get(messageId);
      if (!message || this.isFinal(messageId)) return { outcome: "done", messageId };
      message.attempt++;
      return Object.assign({ outcome: "claimed" as const, messageId }, message);
    });
    return { results };
  }

  #take(body: string): number {
    const batch = EventBatch.parse(JSON.parse(body));
    const refused = this.refuse?.(batch);
    if (refused) return refused;
    for (const event of batch.events) {
      if (this.#seen.has(event.id)) continue;
      this.#seen.add(event.id);
      this.events.push(event);
    }
    return 200;
  }

  isFinal(messageId: string): boolean {
    return this.typesOf(messageId).some((type) => type === "message.sent" || type === "message.failed");
  }

  typesOf(messageId: string): string[] {
    return this.events.flatMap((event) => ("messageId" in event && event.messageId === messageId ? [event.type] : []));
  }

  /** Gives a failed message again, as after a retry. */
  retry(messageId: string): void {
    const about = this.events.findLastIndex((event) => "messageId" in event && event.messageId === messageId);
    this.events.splice(about, 1);
  }

  failureOf(messageId: string): string | undefined {
    const event = this.events.find((one) => one.type === "message.failed" && one.messageId === messageId);
    return event?.type === "message.failed" ? event.reason : undefined;
  }

  statesOf(sessionId: string): string[] {
    return this.events.flatMap((event) =>
      event.type === "session.state" && event.sessionId === sessionId
        ? [event.reason ? `${event.state}/${event.reason}` : event.state]
        : [],
    );
  }

  /** Accepts a message as the edge would; `sealed` replaces the payload, as an attacker could. */
  async accept(
    messageId: string,
    payload: FakePayload,
    ttlMs = 300_000,
    { workspaceId = this.workspaceId, ...stored }: { workspaceId?: string } & Partial<FakeMessage> = {},
  ) {
    const verificationId = "code" in payload ? createId("ver", new Date(), webRandom(10)) : null;
    const purpose =
      verificationId === null ? sealedFor.message(messageId, workspaceId) : sealedFor.code(verificationId, workspaceId);
    this.secrets.push("code" in payload ? payload.code : "text" in payload ? payload.text : JSON.stringify(payload));
    const seal = createSealer(this.keys.sealing.publicJwk, { now: this.now, random: webRandom });
    this.#messages.set(messageId, {
      sealed: await seal(contentOf(payload), purpose),
      verificationId,
      template: "code" in payload ? "Your Acme code is {{code}}. Do not share it." : null,
      expiresAt: new Date(this.now().getTime() + ttlMs).toISOString(),
      attempt: 0,
      ...stored,
    });
    return this.#messages.get(messageId)!;
  }

  /** One delivery by QStash. */
  async deliver(
    path: string,
    job: unknown,
    {
      key = this.keys.qstash.current,
      url = (this.publicUrl ?? this.connectorUrl) + path,
      tamper = false,
      headers = {},
    } = {},
  ) {
    const body = JSON.stringify(job);
    const seconds = Math.floor(this.now().getTime() / 1000);
    const signature = await new SignJWT({
      body: createHash("sha256")
        .update(tamper ? `${body} ` : body)
        .digest("base64url"),
    })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setIssuer("Upstash")
      .setSubject(url)
      .setIssuedAt(seconds)
      .setNotBefore(seconds)
      .setExpirationTime(seconds + 300)
      .setJti(`jwt_${Math.random()}`)
      .sign(new TextEncoder().encode(key));
    return fetch(this.connectorUrl + path, {
      method: "POST",
      headers: { "content-type": "application/json", "upstash-signature": signature, ...headers },
      body,
    });
  }

  /** Delivers as often as it takes; answers the last status. */
  async deliverUntilDone(
    path: string,
    job: SendJob | RevokeJob | SessionJob,
    { times = 1000, pauseMs = 50 } = {},
  ): Promise<number> {
    for (let i = 0; ; i++) {
      const status = await this.deliver(path, job).then(
        (response) => response.status,
        () => 0,
      );
      if ((status >= 200 && status < 300) || i + 1 >= times) return status;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async rpc(path: string, value: unknown, token?: string): Promise<Response> {
    const body = JSON.stringify(value);
    const sign = createTokenSigner({
      privateJwk: this.keys.edge.privateJwk,
      issuer: "sandi-edge",
      audience: "sandi-connector",
      now: () => this.now(),
      random: webRandom,
    });
    const authorization = `Bearer ${token ?? (await sign({ method: "POST", path, body }))}`;
    return fetch(this.connectorUrl + path, {
      method: "POST",
      headers: { "content-type": "application/json", authorization },
      body,
    });
  }
}

/** Waits until the condition holds. The time is for what is broken, on a machine however slow. */
export async function until<T>(what: string, check: () => T | Promise<T>, timeoutMs = 60_000): Promise<NonNullable<T>> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The payload without what tests put beside it. */
function contentOf(payload: FakePayload): FakePayload {
  if ("type" in payload) return payload;
  return "code" in payload ? { to: payload.to, code: payload.code } : { to: payload.to, text: payload.text };
}
