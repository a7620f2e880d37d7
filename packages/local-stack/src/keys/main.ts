import { webRandom } from "@sandi/crypto";
import { generateSecrets } from "./keys.ts";

const kid = `k${new Date().toISOString().slice(0, 10).replaceAll("-", "")}`;
const { edge, connector } = await generateSecrets(kid, webRandom);
const quoted = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`;

process.stdout
  .write(`# New keys, made on this machine. They are stored nowhere. Run these lines, then clear your screen.
# How to rotate a key later:
# - OTP_PEPPERS, LINK_KEYS: set "new,old". Remove the old key after a day.
# - AT_REST_KEYS, STORE_KEYS: set "new,old". Remove the old key when every value is sealed with the new one.
# - PROOF_PRIVATE_KEY: put the public part of the old key into PROOF_RETIRED_KEYS (a JSON array) for an hour.
# - PHONE_PEPPER: never change it. Numbers are looked up by it.

# The Worker (Cloudflare)
${Object.entries(edge)
  .map(([name, value]) => `printf %s ${quoted(value)} | npx wrangler secret put ${name}`)
  .join("\n")}

# The connector (Fly.io)
fly secrets set ${Object.entries(connector)
  .map(([name, value]) => `${name}=${quoted(value)}`)
  .join(" \\\n  ")}
`);
