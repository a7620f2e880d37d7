/** Moves a session out of the connector's database into an encrypted file. */
import { existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { systemServices } from "../services.ts";
import { LeaseLost } from "../store/fence.ts";
import { exportSession } from "../transfer/move-session.ts";
import { sealSessionFile } from "../transfer/session-file.ts";
import { operate } from "./operate.ts";
import { passphrase } from "./passphrase.ts";

const usage = "export-session SESSION_ID --out FILE";

await operate(usage, async ({ store, keys }) => {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { out: { type: "string" } } });
  const [sessionId] = positionals;
  const { out } = values;
  if (sessionId === undefined || out === undefined || positionals.length > 1) throw new Error(`usage: ${usage}`);
  if (existsSync(out)) throw new Error(`${out} exists already.`);
  const secret = await passphrase({ isNew: true });
  // The file is complete on disk before the credentials are deleted from the database. It gets its name afterwards.
  const draft = `${out}.part`;
  const progress = { isKept: false };
  try {
    await exportSession({ store, keys, services: systemServices }, sessionId, async (session) => {
      await writeWhole(draft, sealSessionFile(session, secret, systemServices.random));
      progress.isKept = true;
    });
  } catch (cause) {
    // After a lost answer the credentials may be deleted from the database or not.
    if (progress.isKept && !(cause instanceof LeaseLost)) {
      throw new Error(`It is not known whether ${sessionId} has left the database; ${draft} holds it.`, { cause });
    }
    await rm(draft, { force: true });
    throw cause;
  }
  await rename(draft, out);
  process.stdout.write(
    `${sessionId} is in ${out} and no connector runs it now. The file gives access to the account: protect it.\n`,
  );
});

async function writeWhole(path: string, bytes: Buffer): Promise<void> {
  await rm(path, { force: true });
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}
