/** Makes a workspace with an admin and an API key with every scope, and prints the key and the password, once. */
import { base64url, webRandom } from "@sandi/crypto";
import { createWorkspace } from "../src/setup.ts";
import { operate } from "./operate.ts";

const usage = "create-workspace NAME ADMIN_EMAIL";
const [name = "", adminEmail = ""] = process.argv.slice(2);

await operate(usage, async (client) => {
  if (!name || !adminEmail.includes("@")) throw new Error(`usage: ${usage}`);
  const adminPassword = base64url(webRandom(18));
  const made = await createWorkspace({ client, now: new Date(), random: webRandom, name, adminEmail, adminPassword });
  const lines = [
    `workspace  ${made.workspaceId}`,
    `API key    ${made.apiKey}`,
    `admin      ${adminEmail} ${adminPassword}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
});
