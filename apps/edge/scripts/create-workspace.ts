/** Makes a workspace with an admin and an API key with every scope, and prints the key and the password, once. */
import { createClient } from "@libsql/client";
import { base64url, webRandom } from "@sandi/crypto";
import { createWorkspace } from "../src/setup.ts";

const [name, adminEmail] = process.argv.slice(2);
const { LIBSQL_URL: url, LIBSQL_AUTH_TOKEN: authToken } = process.env;

if (!name || !adminEmail?.includes("@") || !url) {
  process.stderr.write("usage: LIBSQL_URL=… [LIBSQL_AUTH_TOKEN=…] pnpm create-workspace NAME ADMIN_EMAIL\n");
  process.exit(2);
}

const adminPassword = base64url(webRandom(18));
const client = createClient({ url, ...(authToken ? { authToken } : {}) });
try {
  const { workspaceId, apiKey } = await createWorkspace({
    client,
    now: new Date(),
    random: webRandom,
    name,
    adminEmail,
    adminPassword,
  });
  process.stdout.write(`workspace  ${workspaceId}\nAPI key    ${apiKey}\nadmin      ${adminEmail} ${adminPassword}\n`);
} finally {
  client.close();
}
