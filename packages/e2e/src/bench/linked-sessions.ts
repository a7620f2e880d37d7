import { createClient } from "@libsql/client";
import type { Policy, Quota, Session, SessionQr } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { createWorkspace } from "@sandi/edge/setup";
import type { Stack } from "@sandi/local-stack";
import { eventually } from "../harness.ts";

/** A session that is linked to a simulated phone, with its workspace's API key. */
export interface LinkedSession {
  sessionId: string;
  number: string;
  call: Call;
}

/** Calls the API in the session's workspace; rejects with the problem when the answer is not a success. */
export type Call = <T>(request: string, body?: unknown) => Promise<T>;

/** The limit of sessions in a workspace. */
const perWorkspace = 50;
const atOnce = 8;
const policy = {
  countries: ["*"],
  destinationPer10Minutes: 1000,
  destinationPerHour: 1000,
  destinationPerDay: 1000,
  messagesPerRecipientPerHour: 10_000,
  messagesPerRecipientPerDay: 100_000,
  prefixGuard: "off",
} satisfies Partial<Policy>;
const quota = {
  keyPerSecond: 100_000,
  keyBurst: 200_000,
  workspacePerSecond: 100_000,
  workspaceBurst: 200_000,
  sendsPerDay: 100_000_000,
  firstWeekSendsPerDay: 100_000_000,
} satisfies Partial<Quota>;

/** Creates sessions over the API, in as many workspaces as needed, and scans their QR codes. */
export async function linkSessions(stack: Stack, count: number): Promise<LinkedSession[]> {
  const calls: Call[] = [];
  for (let at = 0; at < count; at += perWorkspace) calls.push(await newWorkspace(stack, calls.length));
  const wanted = Array.from({ length: count }, (_, i) => ({
    number: `+62815${String(i).padStart(7, "0")}`,
    call: calls[Math.floor(i / perWorkspace)]!,
  }));
  const linked: LinkedSession[] = [];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let next = wanted.pop(); next; next = wanted.pop()) linked.push(await link(stack, next));
    }),
  );
  return linked;
}

async function newWorkspace(stack: Stack, index: number): Promise<Call> {
  const client = createClient(stack.libsql);
  try {
    const { apiKey } = await createWorkspace({
      client,
      now: new Date(),
      random: webRandom,
      name: `Bench ${index}`,
      adminEmail: `bench-${index}@localhost`,
      adminPassword: "a password of the benchmarks",
      defaultCountry: "ID",
      policy,
      quota,
    });
    // The benchmark sets the pace.
    await client.execute("UPDATE pool SET pacing = 'off'");
    return callWith(stack.apiUrl, apiKey);
  } finally {
    client.close();
  }
}

function callWith(apiUrl: string, apiKey: string): Call {
  return async (request, body) => {
    const [method = "GET", path = "/"] = request.split(" ");
    const response = await fetch(apiUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${request}: ${response.status} ${text}`);
    return JSON.parse(text) as never;
  };
}

async function link(stack: Stack, { number, call }: Omit<LinkedSession, "sessionId">): Promise<LinkedSession> {
  await addPhone(stack, number);
  const { id } = await call<Session>("POST /v1/sessions", { name: number });
  await eventually(`${number} to be linked`, async () => {
    const { state } = await call<Session>(`GET /v1/sessions/${id}`);
    if (state !== "pairing") return state === "online";
    const shown = await call<SessionQr>(`GET /v1/sessions/${id}/qr`).catch(() => undefined);
    if (shown) await scan(stack, number, shown.qr);
    return false;
  });
  return { sessionId: id, number, call };
}

/** Creates a simulated phone that reads what it receives. */
export async function addPhone({ simulatorUrl }: Pick<Stack, "simulatorUrl">, number: string): Promise<void> {
  await post(`${simulatorUrl ?? ""}/phones`, { number });
}

/** Ignores the error for a code that was scanned already. */
export async function scan({ simulatorUrl }: Pick<Stack, "simulatorUrl">, number: string, qr: string): Promise<void> {
  await post(`${simulatorUrl ?? ""}/phones/${number}/scan`, { qr }, [201, 400, 404, 409, 410, 422]);
}

async function post(url: string, body: unknown, taken: number[] = [201]): Promise<void> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!taken.includes(response.status)) throw new Error(`POST ${url}: ${response.status} ${await response.text()}`);
}
