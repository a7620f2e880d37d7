/** Creates a workspace with an admin and two API keys, one of them for the sandbox. Prints the keys and the password once. */
import { base64url, webRandom } from "@sandi/crypto";
import { createWorkspace } from "../src/setup.ts";
import { operate } from "./operate.ts";

const usage = "create-workspace NAME ADMIN_EMAIL COUNTRY (such as ID)";
const [name = "", adminEmail = "", defaultCountry = ""] = process.argv.slice(2);

await operate(usage, async (client) => {
  if (!name || !adminEmail.includes("@") || !/^[A-Z]{2}$/.test(defaultCountry)) throw new Error(`usage: ${usage}`);
  const adminPassword = base64url(webRandom(18));
  const who = { name, adminEmail, adminPassword, defaultCountry };
  const made = await createWorkspace({ client, now: new Date(), random: webRandom, ...who });
  const lines = [
    `workspace  ${made.workspaceId}`,
    `API key    ${made.apiKey}`,
    `test key   ${made.testApiKey}`,
    `admin      ${adminEmail} ${adminPassword}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  process.stderr.write("These keys and this password are shown once: keep them, then clear your screen.\n");
});
