import { webRandom } from "@sandi/crypto";
import { generateSecrets } from "./keys.ts";

const kid = `k${new Date().toISOString().slice(0, 10).replaceAll("-", "")}`;
const { edge, connector } = await generateSecrets(kid, webRandom);
const quoted = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`;

process.stdout.write(`# New keys, made on this machine and stored nowhere. Run these lines, then clear your screen.
# Rotating later: OTP_PEPPERS, LINK_KEYS, AT_REST_KEYS and STORE_KEYS take "new,old"; drop the old one after a day
# (AT_REST_KEYS and STORE_KEYS: never, until every value was written anew). PHONE_PEPPER stays: numbers are looked up by
# it. A new PROOF_PRIVATE_KEY: put the old one's public part into PROOF_RETIRED_KEYS, a JSON array, for an hour.

# The Worker (Cloudflare)
${Object.entries(edge)
  .map(([name, value]) => `printf %s ${quoted(value)} | npx wrangler secret put ${name}`)
  .join("\n")}

# The connector (Fly.io)
fly secrets set ${Object.entries(connector)
  .map(([name, value]) => `${name}=${quoted(value)}`)
  .join(" \\\n  ")}
`);
