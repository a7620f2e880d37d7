import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Problem, Verification } from "@sandi/contracts";
import { Client } from "@upstash/qstash";
import { type Local, prepare, randomPorts, type Stack, startStack, type StackOptions } from "@sandi/local-stack";
import { codeIn } from "./code.ts";

/** A message on a simulated phone. */
export interface PhoneMessage {
  id: string;
  from: string;
  /** The other number, the jid of a group, or `status@broadcast` for a story. */
  chat: string;
  text: string;
  direction: "in" | "out";
  /** `text`, or `revoked` when the sender deleted it. */
  kind: string;
}

/** Settings of a simulated phone. */
export interface PhonePatch {
  latencyMs?: number;
  online?: boolean;
  receipts?: "none" | "delivered" | "read" | "played";
  addressing?: "pn" | "lid" | "auto";
}

/** A whole stack in a folder of its own, with the lines of its parts. */
export interface TestStack extends Stack {
  local: Local;
  dataFolder: string;
  lines: string[];
  /** The messages that the phone received. */
  inbox(number?: string): Promise<PhoneMessage[]>;
  /** Creates another simulated phone. */
  addPhone(number: string): Promise<void>;
  patchPhone(number: string, patch: PhonePatch): Promise<void>;
  /** Opens a `wa.me` link on a phone and sends its message. */
  openLink(number: string, link: string): Promise<void>;
  /** Writes a message on a phone: a text, or one of another type with its fields. */
  write(
    number: string,
    message: { to: string } & ({ text: string; forwarded?: boolean } | { type: string }),
  ): Promise<void>;
  /** Scans a QR code with a phone. */
  scan(number: string, qr: string): Promise<void>;
  api<T>(request: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>>;
  /** Creates a verification and reads its code from the phone. */
  sendCode(to?: string, input?: Record<string, unknown>): Promise<{ verification: Verification; code: string }>;
  /** Sends a job through QStash and waits until the connector has answered with 2xx. */
  deliver(path: string, job: unknown): Promise<void>;
  /** Stops everything and removes the folder. */
  destroy(): Promise<void>;
}

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T & Omit<Partial<Problem>, keyof T>;
}

/** Starts edge, connector, simulator and emulators on random ports, with a linked session. */
export async function startTestStack({
  connectors = 1,
  ...options
}: Partial<StackOptions> & { connectors?: number } = {}): Promise<TestStack> {
  const dataFolder = options.dataFolder ?? (await mkdtemp(join(tmpdir(), "sandi-e2e-")));
  const lines: string[] = [];
  const stack = await startStack({
    ports: await randomPorts(connectors),
    whatsapp: { kind: "simulator" },
    log: (part, line) => lines.push(`${part} ${line}`),
    ...options,
    dataFolder,
  });
  const local = await prepare(stack, join(dataFolder, "local.json")).catch(async (error: unknown) => {
    await stack.stop();
    throw new Error(`the stack did not get ready:\n${lines.join("\n")}`, { cause: error });
  });

  const phones = `${local.simulatorUrl ?? ""}/phones`;
  const inbox = async (number = local.userPhone ?? "") => {
    const messages = (await (await fetch(`${phones}/${number}/messages`)).json()) as PhoneMessage[];
    return messages.filter(({ direction }) => direction === "in");
  };

  async function api<T>(request: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<T>> {
    const [method = "GET", path = "/"] = request.split(" ");
    const response = await fetch(stack.apiUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${local.apiKey}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json");
    return {
      status: response.status,
      headers: response.headers,
      body: (isJson ? JSON.parse(text) : text) as Answer<T>["body"],
    };
  }

  // Without a pace. Tests of pacing set their own.
  await api(`PATCH /v1/pools/pool_${local.workspaceId.slice("ws_".length)}`, { pacing: "off" });

  return {
    ...stack,
    get connector() {
      return stack.connector;
    },
    local,
    dataFolder,
    lines,
    inbox,
    api,
    addPhone: (number) => post(phones, { number }),
    patchPhone: (number, patch) => post(`${phones}/${number}`, patch, "PATCH"),
    openLink: (number, link) => post(`${phones}/${number}/open-link`, { link }),
    write: (number, message) => post(`${phones}/${number}/messages`, message),
    scan: (number, qr) => post(`${phones}/${number}/scan`, { qr }),
    async sendCode(to = local.userPhone ?? "", input = {}) {
      const before = new Set((await inbox(to)).map(({ id }) => id));
      const { status, body } = await api<Verification>("POST /v1/verifications", { to, ...input });
      if (status !== 202) throw new Error(`POST /v1/verifications: ${status} ${JSON.stringify(body)}`);
      const code = await eventually("the code on the phone", async () => {
        const message = (await inbox(to)).find(({ id }) => !before.has(id));
        return message && codeIn(message.text);
      });
      return { verification: body, code };
    },
    async deliver(path, job) {
      const client = new Client({ baseUrl: stack.qstash.url, token: stack.qstash.token });
      const { messageId } = await client.publishJSON({ url: stack.connectorUrl + path, body: job });
      await eventually("QStash to deliver the job", async () => {
        const { events } = await client.events({ filter: { messageId } });
        return events.some(({ state }) => state === "DELIVERED");
      });
    },
    async destroy() {
      await stack.stop();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}

async function post(url: string, body: unknown, method = "POST"): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
}

/** Calls `ask` until it returns a value. The time only ends a broken run. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  withinMs = 120_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${withinMs / 1000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
