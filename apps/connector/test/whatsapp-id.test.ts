import { expect, test } from "vitest";
import { whatsappId } from "../src/content/whatsapp-ids.ts";

test("a message keeps its WhatsApp id, in the form that Baileys gives them", () => {
  expect(whatsappId("msg_1")).toMatch(/^3EB0[0-9A-F]{18}$/);
  expect(whatsappId("msg_1")).toBe(whatsappId("msg_1"));
  expect(whatsappId("msg_1")).not.toBe(whatsappId("msg_2"));
});
