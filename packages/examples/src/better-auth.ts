/**
 * Sign-up by phone number with Better Auth; Sandi sends the codes over WhatsApp and checks them.
 *
 *   npx pnpm@10.34.9 better-auth     with `npm start` running beside it
 *
 * Elsewhere set SANDI_API_URL and SANDI_API_KEY, a key with the scopes otp:send and otp:check.
 */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { APIError, betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { phoneNumber } from "better-auth/plugins";

interface Sandi {
  apiUrl: string;
  apiKey: string;
}

/** Codes for other ends than ours are other codes, even for the same number. */
const purpose = "better-auth";

/** Asks Sandi; tells the user why when it refuses. */
async function ask({ apiUrl, apiKey }: Sandi, path: string, body: object): Promise<Response> {
  const response = await fetch(apiUrl + path, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  // Too many requests, a number that is none, no WhatsApp account linked: `title` says it in a sentence.
  if (!response.ok && response.status !== 422 && response.status !== 410 && response.status !== 404) {
    const { title } = (await response.json()) as { title: string };
    throw new APIError(response.status === 429 ? "TOO_MANY_REQUESTS" : "BAD_REQUEST", { message: title });
  }
  return response;
}

/** The whole of it: two functions for the plugin. */
function createAuth(sandi: Sandi, baseURL: string) {
  return betterAuth({
    baseURL,
    // Signs the session cookie: in production a secret of yours, that stays.
    secret: process.env["BETTER_AUTH_SECRET"] ?? crypto.randomUUID(),
    // Forgets everything when it stops: in production your database.
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    plugins: [
      phoneNumber({
        // Better Auth brings a code along, which is not used: Sandi makes its own, and nobody else knows it.
        sendOTP: async ({ phoneNumber: to }) => {
          await ask(sandi, "/v1/verifications", { to, purpose });
        },
        // With this Sandi checks: it counts wrong codes and locks numbers. Only a 200 means that the code was right.
        verifyOTP: async ({ phoneNumber: to, code }) => {
          if (!/^[0-9]{6}$/.test(code)) return false;
          return (await ask(sandi, "/v1/verifications/check", { to, purpose, code })).status === 200;
        },
        // Who proves a number for the first time becomes a user; Better Auth wants an address for everyone.
        signUpOnVerification: {
          getTempEmail: (number) => `${number.slice(1)}@phone.invalid`,
          getTempName: (number) => number,
        },
      }),
    ],
  });
}

/** Serves Better Auth below /api/auth on this machine; port 0 is any that is free. */
export function serve(sandi: Sandi, port: number): Promise<{ url: string; server: Server }> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject).listen(port, "127.0.0.1", () => {
      const address = server.address();
      const url = `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : port}`;
      const handle = toNodeHandler(createAuth(sandi, url));
      server.on("request", (request, response) => void handle(request, response));
      resolve({ url, server });
    });
  });
}

if (import.meta.main) {
  const { SANDI_API_URL: apiUrl, SANDI_API_KEY: apiKey, PORT: port = "3000" } = process.env;
  // What `npm start` has written down.
  const local = new URL("../../../.data/local.json", import.meta.url);
  const sandi = apiUrl && apiKey ? { apiUrl, apiKey } : (JSON.parse(readFileSync(local, "utf8")) as Sandi);
  const { url } = await serve(sandi, Number(port));
  console.log(`Better Auth listens on ${url}/api/auth`);
}
