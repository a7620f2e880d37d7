import { webRandom } from "@sandi/crypto";
import { generateSecrets } from "./keys.ts";

const kid = `k${new Date().toISOString().slice(0, 10).replaceAll("-", "")}`;
const { edge, connector } = await generateSecrets(kid, webRandom);
const quoted = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`;

process.stdout.write(`# New keys, made on this machine and stored nowhere. Run these lines, then clear your screen.
# Rotating later: put "new,old" where a value reads kid:key, and drop the old one after a day.

# The Worker (Cloudflare)
${Object.entries(edge)
  .map(([name, value]) => `printf %s ${quoted(value)} | npx wrangler secret put ${name}`)
  .join("\n")}

# The connector (Fly.io)
fly secrets set ${Object.entries(connector)
  .map(([name, value]) => `${name}=${quoted(value)}`)
  .join(" \\\n  ")}
`);
