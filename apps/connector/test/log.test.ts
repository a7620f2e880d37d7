import { describe, expect, test } from "vitest";
import { quietLogger } from "../src/baileys/logger.ts";
import { createLogger } from "../src/log.ts";

describe("logs", () => {
  test("mask numbers and drop what is secret", () => {
    const lines: string[] = [];
    const logger = createLogger("debug", "test", { write: (line: string) => void lines.push(line) });
    logger.info(
      {
        code: "123456",
        deep: { text: "hello there", jid: "628120000@s.whatsapp.net" },
        error: new Error("for 6281200000001"),
      },
      "said",
    );
    quietLogger(logger).error(
      { jid: "6281200000001@lid", err: new Error("bad 123456"), node: { secret: "hello there" } },
      "failed for 6281200000001",
    );
    quietLogger(logger).info({ text: "hello there" }, "chatter");
    const all = lines.join("");
    for (const secret of ["123456", "hello there", "6281200000001"]) expect(all).not.toContain(secret);
    expect(all).toContain("failed for …");
  });
});
