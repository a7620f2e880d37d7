import { createInflate, deflateSync } from "node:zlib";
import { pipeline } from "node:stream/promises";
import { Readable, Writable } from "node:stream";
import { downloadAndProcessHistorySyncNotification, proto } from "@whiskeysockets/baileys";
import { expect, test } from "vitest";
import { maxInflatedBytes } from "../src/baileys/patches/limit-inflate.ts";
import "../src/baileys/socket.ts";

const packed = (bytes: number) => deflateSync(Buffer.alloc(bytes));

test("history is inflated up to a limit, and a bomb is not", async () => {
  const conversations = [{ id: "6281300000001@s.whatsapp.net", displayName: "a".repeat(1_000_000) }];
  const { INITIAL_BOOTSTRAP } = proto.HistorySync.HistorySyncType;
  const history = proto.HistorySync.encode({ syncType: INITIAL_BOOTSTRAP, conversations }).finish();
  const taken = await downloadAndProcessHistorySyncNotification(
    { initialHistBootstrapInlinePayload: deflateSync(history) },
    {},
  );
  expect(taken.contacts).toHaveLength(1);
  const bomb = packed(maxInflatedBytes + 1);
  expect(bomb.length).toBeLessThan(64 * 1024);
  await expect(
    downloadAndProcessHistorySyncNotification({ initialHistBootstrapInlinePayload: bomb }, {}),
  ).rejects.toThrow("bytes inflated");
});

test("a downloaded one is not inflated either", async () => {
  let unpacked = 0;
  const count = () =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        unpacked += chunk.length;
        done();
      },
    });
  await pipeline(Readable.from([packed(1000)]), createInflate(), count());
  expect(unpacked).toBe(1000);
  unpacked = 0;
  await expect(pipeline(Readable.from([packed(3 * maxInflatedBytes)]), createInflate(), count())).rejects.toThrow(
    "bytes inflated",
  );
  expect(unpacked).toBeLessThanOrEqual(maxInflatedBytes);
});
