import { expect, test } from "vitest";
import { openAuthState } from "../src/baileys/auth-state.ts";
import { memoryCredentials } from "./support/memory-credentials.ts";

async function linked(write: (stored: () => void) => Promise<void>) {
  const { credentials, values } = memoryCredentials();
  const auth = await openAuthState({
    ...credentials,
    write: (changes) => write(() => void credentials.write(changes)),
  });
  Object.assign(auth.creds, { account: {}, me: { id: "6281200000001:1@s.whatsapp.net" } });
  return { auth, values };
}

test("credentials that are being stored are not called safe before they are", async () => {
  const disk = Promise.withResolvers<void>();
  const { auth, values } = await linked((stored) => disk.promise.then(stored));
  const first = auth.saveCreds();
  const second = auth.saveCreds().then(() => values.has("creds creds"));
  await new Promise((resolve) => setImmediate(resolve));
  disk.resolve();
  await first;
  expect(await second).toBe(true);
});

test("and not when that fails; then they are stored with the next change", async () => {
  let isAway = true;
  const { auth, values } = await linked(async (stored) => {
    if (isAway) throw new Error("the database is away");
    stored();
  });
  const both = await Promise.allSettled([auth.saveCreds(), auth.saveCreds()]);
  expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  isAway = false;
  await auth.saveCreds();
  expect(values.has("creds creds")).toBe(true);
});
