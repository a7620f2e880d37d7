/**
 * Sign-up by phone number with Better Auth. Sandi sends the codes over WhatsApp and checks them.
 *
 *   npx pnpm@10.34.9 better-auth     while `npm start` runs
 *
 * For another Sandi, set SANDI_API_URL and SANDI_API_KEY (a key with the scopes otp:send and otp:check).
 */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { APIError, betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { createAuthMiddleware } from "better-auth/api";
import { toNodeHandler } from "better-auth/node";
import { phoneNumber } from "better-auth/plugins";
import { parsePhoneNumberWithError } from "libphonenumber-js/max";

interface Sandi {
  apiUrl: string;
  apiKey: string;
}

/** A code is valid for one purpose only, even for the same number. */
const purposes = { signIn: "better-auth", reset: "better-auth-reset" };

/** The country of numbers without a country code. Use the default country of your workspace. */
const country = "ID";

/**
 * Gives each number one spelling, so that each number has one user: Better Auth compares texts. A text that is not a
 * number is sent to Sandi unchanged, and Sandi says what is wrong with it.
 */
function numberOf(text: string): string {
  try {
    return parsePhoneNumberWithError(text, { defaultCountry: country, extract: false }).number;
  } catch {
    return text;
  }
}

/** Calls Sandi. When Sandi refuses, the user sees the reason. */
async function ask({ apiUrl, apiKey }: Sandi, path: string, body: object): Promise<Response> {
  const response = await fetch(apiUrl + path, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  // Too many requests, a wrong number, no linked account: `title` is the reason in a sentence.
  if (!response.ok && response.status !== 422 && response.status !== 410 && response.status !== 404) {
    const { title } = (await response.json()) as { title: string };
    throw new APIError(response.status === 429 ? "TOO_MANY_REQUESTS" : "BAD_REQUEST", { message: title });
  }
  return response;
}

/** The verified number in its canonical spelling; null when the code is wrong. Only a 200 means that it is right. */
async function check(sandi: Sandi, body: { to: string; purpose: string; code: string }): Promise<string | null> {
  if (!/^[0-9]{6}$/.test(body.code)) return null;
  const response = await ask(sandi, "/v1/verifications/check", body);
  if (response.status !== 200) return null;
  const { proof } = (await response.json()) as { proof: string | null };
  const [, claims = ""] = proof?.split(".") ?? [];
  if (claims === "") return body.to;
  const { phone_number: number } = JSON.parse(Buffer.from(claims, "base64url").toString()) as { phone_number?: string };
  return number ?? body.to;
}

/** The integration: three functions for the plugin, and a hook before its routes. */
function createAuth(sandi: Sandi, baseURL: string) {
  return betterAuth({
    baseURL,
    // Signs the session cookie. In production, set a secret of your own and keep it.
    secret: process.env["BETTER_AUTH_SECRET"] ?? crypto.randomUUID(),
    // Loses everything when it stops. In production, use your database.
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    hooks: {
      before: createAuthMiddleware(async (ctx) => {
        const body = ctx.body as Record<string, unknown> | undefined;
        if (typeof body?.["phoneNumber"] !== "string") return undefined;
        const to = numberOf(body["phoneNumber"]);
        if (ctx.path !== "/phone-number/reset-password") return { context: { body: { ...body, phoneNumber: to } } };
        // For a reset the plugin compares with its own code. It gets that code after Sandi has approved the user's code.
        const proved = await check(sandi, { to, purpose: purposes.reset, code: String(body["otp"]) });
        const own = await ctx.context.internalAdapter.findVerificationValue(`${to}-request-password-reset`);
        if (proved === null || !own) throw new APIError("BAD_REQUEST", { code: "INVALID_OTP", message: "Invalid OTP" });
        return { context: { body: { ...body, phoneNumber: to, otp: own.value.split(":")[0] } } };
      }),
    },
    plugins: [
      phoneNumber({
        // Better Auth passes a code, which is not used. Sandi makes its own code, which nobody else knows.
        sendOTP: async ({ phoneNumber: to }) => {
          await ask(sandi, "/v1/verifications", { to, purpose: purposes.signIn });
        },
        // With this function Sandi checks the code, counts wrong codes and locks numbers.
        verifyOTP: async ({ phoneNumber: to, code }, ctx) => {
          const proved = await check(sandi, { to, purpose: purposes.signIn, code });
          // The user gets the verified number: WhatsApp accounts of some countries have two spellings.
          if (proved !== null && ctx) Object.assign(ctx.body as object, { phoneNumber: proved });
          return proved !== null;
        },
        // Better Auth calls this for known users only, and gives others the same answer.
        sendPasswordResetOTP: async ({ phoneNumber: to }) => {
          await ask(sandi, "/v1/verifications", { to, purpose: purposes.reset });
        },
        // A new number becomes a user. Better Auth needs an email address for each user.
        signUpOnVerification: {
          getTempEmail: (number) => `${number.slice(1)}@phone.invalid`,
          getTempName: (number) => number,
        },
      }),
    ],
  });
}

/** Serves Better Auth below /api/auth on this machine. Port 0 means any free port. */
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
  // The file that `npm start` writes.
  const local = new URL("../../../.data/local.json", import.meta.url);
  const sandi = apiUrl && apiKey ? { apiUrl, apiKey } : (JSON.parse(readFileSync(local, "utf8")) as Sandi);
  const { url } = await serve(sandi, Number(port));
  console.log(`Better Auth listens on ${url}/api/auth`);
}
