import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BaileysEventMap } from "@whiskeysockets/baileys";
import { expect, it, onTestFinished } from "vitest";
import { type Client, pair } from "./support/client.ts";
import { linked, newWorld, sender, until, userJid } from "./support/world.ts";

const archived = ({ auth }: Client) => auth.keys.records.get("app-state-sync-version regular_low") ?? "";

function changesOf({ sock }: Client): BaileysEventMap["chats.update"] {
  const changes: BaileysEventMap["chats.update"] = [];
  sock.ev.on("chats.update", (updates) => void changes.push(...updates));
  return changes;
}

const archive = (session: Client, isArchived: boolean) =>
  session.sock.chatModify({ archive: isArchived, lastMessages: [] }, userJid);

it("brings what one companion changes to the others of the account", async () => {
  const simulator = await newWorld();
  const [first, second] = [await linked(simulator), await linked(simulator)];
  const [own, seen] = [changesOf(first), changesOf(second)];
  // A chat is archived on the companion that has it.
  await simulator.send("+6281100000002", { to: sender, text: "hello" });
  await second.message((message) => message.message?.conversation === "hello");
  await archive(first, true);
  await until(() => seen.some((change) => change.id === userJid && change.archived === true));
  await archive(second, false);
  await until(() => own.some((change) => change.archived === false));
  expect([...first.complaints, ...second.complaints]).toEqual([]);
});

it("gives a companion that links later all patches, also after a restart", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sandi-app-state-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const stateFile = join(folder, "whatsapp.json");
  const before = await newWorld({ stateFile });
  const first = await linked(before);
  await archive(first, true);
  await archive(first, false);
  await until(() => archived(first).includes('"version":2'));
  await first.end();
  await before.close();
  const after = await newWorld({ stateFile });
  const second = await pair(after, sender);
  onTestFinished(() => second.end());
  await until(() => second.auth.creds.myAppStateKeyId !== undefined);
  await second.sock.resyncAppState(["regular_low"], false);
  await until(() => archived(second).includes('"version":2'));
  expect(second.complaints).toEqual([]);
});

it("refuses a patch that was made on an old version, and sends the patches that it did not know", async () => {
  const simulator = await newWorld();
  const session = await linked(simulator);
  await archive(session, true);
  const patch = { tag: "patch", attrs: {}, content: new Uint8Array([]) };
  const collection = { tag: "collection", attrs: { name: "regular_low", version: "0" }, content: [patch] };
  const answer = await session.sock.query({
    tag: "iq",
    attrs: { to: "@s.whatsapp.net", type: "set", xmlns: "w:sync:app:state" },
    content: [{ tag: "sync", attrs: {}, content: [collection] }],
  });
  const [sync] = answer.content as { content: { attrs: object; content: { tag: string }[] }[] }[];
  expect(sync?.content[0]).toMatchObject({
    attrs: { type: "error", version: "1" },
    content: [{ tag: "error" }, { tag: "patches" }],
  });
});
