import { createClient } from "@libsql/client";
import type { CreatedApiKey, Policy, Quota, Session, SessionQr } from "@sandi/contracts";
import { webRandom } from "@sandi/crypto";
import { createWorkspace, setQuota } from "@sandi/edge/setup";
import { generateToken } from "../keys/keys.ts";
import { readJson, writeSecretJson } from "./files.ts";
import { call, CallRefused, type Local, until } from "./local.ts";
import type { Stack } from "./stack.ts";

const senderPhone = "+6281200000001";
const userPhone = "+6281234567890";
const adminEmail = "admin@localhost";
const defaultCountry = "ID";
/** Benchmarks send more to one simulated phone than the default limits allow. */
const simulatorPolicy = {
  countries: ["*"],
  destinationPer10Minutes: 1000,
  destinationPerHour: 1000,
  destinationPerDay: 1000,
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

/**
 * Creates what a first start needs: a workspace with an admin and API keys, and a session. With our simulator also two
 * phones, the first of which is linked to the session. Returns the content of `local.json`.
 */
export async function prepare(stack: Stack, file: string): Promise<Local> {
  const known = await readJson<Local>(file);
  const local = known ?? (await createLocal(stack));
  local.apiUrl = stack.apiUrl;
  local.testApiKey ??= await bringUpToDate(stack, local);
  local.simulatorUrl = stack.simulatorUrl ?? null;
  local.dashboard.url = stack.apiUrl;
  await writeSecretJson(file, local);
  if (stack.simulatorUrl) await linkToSimulator(stack.simulatorUrl, local);
  return local;
}

async function createLocal(stack: Stack): Promise<Local> {
  const password = generateToken(webRandom);
  const client = createClient(stack.libsql);
  try {
    const { workspaceId, apiKey, testApiKey } = await createWorkspace({
      client,
      now: new Date(),
      random: webRandom,
      name: "Sandi",
      adminEmail,
      adminPassword: password,
      defaultCountry,
      quota,
      ...(stack.simulatorUrl ? { policy: simulatorPolicy } : {}),
    });
    const key = { apiUrl: stack.apiUrl, apiKey };
    const session = await call<Session>(key, "POST /v1/sessions", { name: "First session" });
    return {
      ...key,
      testApiKey,
      workspaceId,
      sessionId: session.id,
      userPhone: stack.simulatorUrl ? userPhone : null,
      simulatorUrl: null,
      dashboard: { url: stack.apiUrl, email: adminEmail, password },
    };
  } finally {
    client.close();
  }
}

/** Adds to a workspace of an earlier version its country, limits and test key; returns the test key. */
async function bringUpToDate(stack: Stack, local: Local): Promise<string> {
  const client = createClient(stack.libsql);
  try {
    await setQuota({ client, now: new Date(), random: webRandom, workspaceId: local.workspaceId, quota: { ...quota } });
  } finally {
    client.close();
  }
  const policy = { defaultCountry, ...(stack.simulatorUrl ? simulatorPolicy : {}) };
  await call(local, "PATCH /v1/workspace", { policy });
  const made = await call<CreatedApiKey>(local, "POST /v1/keys", {
    name: "Test key",
    environment: "test",
    scopes: ["otp:send", "otp:check", "otp:custom", "otp:reveal", "otp:approve", "message:send"],
  });
  if (made.key === null) throw new Error("the answer has no test key");
  return made.key;
}

/** Links the session to the simulated phone, unless an earlier start has done so. */
async function linkToSimulator(simulatorUrl: string, local: Local): Promise<void> {
  for (const [number, name] of [
    [senderPhone, "Sandi"],
    [userPhone, "You"],
  ] as const) {
    if ((await fetch(`${simulatorUrl}/phones/${number}`)).ok) continue;
    await post(`${simulatorUrl}/phones`, { number, name });
  }
  let scanned = "";
  await until("the session to be online", async () => {
    const session = await call<Session>(local, `GET /v1/sessions/${local.sessionId}`);
    if (session.state === "online") return session;
    const qr = session.state === "pairing" ? await currentQr(local) : undefined;
    if (qr !== undefined && qr !== scanned) {
      scanned = qr;
      await post(`${simulatorUrl}/phones/${senderPhone}/scan`, { qr });
    }
    return undefined;
  });
}

/** The current QR code; undefined when the session shows none. */
export async function currentQr(local: Local): Promise<string | undefined> {
  try {
    return (await call<SessionQr>(local, `GET /v1/sessions/${local.sessionId}/qr`)).qr;
  } catch (error) {
    if (error instanceof CallRefused && error.status === 409) return undefined;
    throw error;
  }
}

async function post(url: string, body: unknown): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`POST ${url}: ${response.status} ${await response.text()}`);
}
