/** Moves a session from an encrypted file into one of the connector's database that is not linked. */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { systemServices } from "../services.ts";
import { importSession } from "../transfer/move-session.ts";
import { openSessionFile } from "../transfer/session-file.ts";
import { operate } from "./operate.ts";
import { passphrase } from "./passphrase.ts";

const usage = "import-session FILE [--session SESSION_ID]";

await operate(usage, async ({ store, keys }) => {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { session: { type: "string" } } });
  const [path] = positionals;
  if (path === undefined || positionals.length > 1) throw new Error(`usage: ${usage}`);
  const moved = openSessionFile(await readFile(path), await passphrase({ isNew: false }));
  const sessionId = values.session ?? moved.sessionId;
  await importSession({ store, keys, services: systemServices }, sessionId, moved);
  process.stdout.write(
    `${sessionId} has the account now. Start it, and delete ${path}: it can be imported only once.\n`,
  );
});
