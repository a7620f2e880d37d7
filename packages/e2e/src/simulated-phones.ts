import type { Message, Problem } from "@sandi/contracts";
import { eventually, type TestStack } from "./harness.ts";

/** A message as a simulated phone shows it. */
export interface ShownMessage {
  id: string;
  kind: string;
  text: string;
  direction: "in" | "out";
  editedAt?: string;
  isPinned?: boolean;
  isStarred?: boolean;
  forwarded?: boolean;
  quoted?: object;
  media?: { sha256: string; problem?: string };
  reactions?: { from: string; emoji: string }[];
  votes?: { from: string; options: string[] }[];
}

/** Messages as the API and the phones of the simulated WhatsApp have them. */
export function messagesOf(stack: () => TestStack) {
  /** Asks the simulated WhatsApp. */
  async function simulator<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${stack().local.simulatorUrl}${path}`, {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json().catch(() => undefined)) as T;
  }
  const messagesOn = (number: string) => simulator<ShownMessage[]>("GET", `/phones/${number}/messages`);

  const call = (request: string, body?: unknown, headers: Record<string, string> = {}) =>
    stack().api<Message & Omit<Problem, "status">>(request, body, headers);
  const read = async (id: string) => (await call(`GET /v1/messages/${id}`)).body;
  const listed = async () => (await stack().api<{ messages: Message[] }>("GET /v1/messages?limit=100")).body.messages;

  /** Waits until the API shows a message so. */
  const isRead = (id: string, isSo: (message: Message) => unknown) =>
    eventually("the API to show it", async () => {
      const message = await read(id);
      return Boolean(isSo(message)) && message;
    });

  /** Sends a message through the API, and finds it on the phone. */
  async function sent(request: string, body: { to: string } & Record<string, unknown>) {
    const { to } = body;
    const before = new Set((await messagesOn(to)).map(({ id }) => id));
    const answer = await call(request, body);
    if (answer.status !== 202) throw new Error(`${request}: ${answer.status} ${JSON.stringify(answer.body)}`);
    const shown = await eventually("the message on the phone", async () =>
      (await messagesOn(to)).find(({ direction, id }) => direction === "in" && !before.has(id)),
    );
    await isRead(answer.body.id, ({ sentAt }) => sentAt);
    return { id: answer.body.id, waId: shown.id, shown };
  }

  /** Writes on a phone, and finds the message in the API. */
  async function written(number: string, message: { to: string } & Record<string, unknown>) {
    const known = new Set((await listed()).map(({ id }) => id));
    const { id: waId } = await simulator<ShownMessage>("POST", `/phones/${number}/messages`, message);
    const { id } = await eventually("the message in the API", async () =>
      (await listed()).find((one) => one.direction === "inbound" && !known.has(one.id)),
    );
    return { id, waId };
  }

  return { simulator, messagesOn, call, read, listed, isRead, sent, written };
}
