import { MessageType } from "@sandi/contracts";
import { beforeEach, describe, expect, it } from "vitest";
import { createWorkspace } from "../src/setup.ts";
import { renderText } from "../src/templates/render.ts";
import type { Edge } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
const to = "+6281234567890";

beforeEach(async () => {
  await edge.addSession();
});

const unprintable = ["a\u0000b", "a\nb", "a\u2028b", "a\u2029b", "a\u202eb", "a\u200bb", "a\ue000b", "a\ud800b"];
const links = [
  "https://evil",
  "evil.example/a",
  "Acme www.",
  "evil*.*example",
  "evil_.example",
  "evil\u3002example",
  "http:*//x",
  "10.0.0.1",
  "пример.рф",
];

describe("a name", () => {
  it.each([...unprintable, ...links, "{{code}}", "  "])("in a code's text must not be %j", async (companyName) => {
    const { status, body } = await edge.api("POST /v1/verifications", { to, companyName });
    expect([status, body.errors?.map(({ pointer }) => pointer)]).toEqual([400, ["/companyName"]]);
    const { client, services } = edge;
    const workspace = {
      client,
      now: services.now(),
      random: services.random,
      adminEmail: "a@b.example",
      adminPassword: "x",
      defaultCountry: "ID",
    };
    await expect(createWorkspace({ ...workspace, name: companyName })).rejects.toThrow("the workspace's name");
    expect(renderText({ locale: "en", companyName, purpose: "login" })).toMatch(/^\*Sandi\* verification code\n/);
  });

  it.each(["Acme", "Kopi *Kita*", "J.P. Morgan & Co.", "PT. Maju Jaya", "Toko 24/7", "東京 ☕", "A: B/C", "v1.5"])(
    "in a code's text may be %j",
    async (companyName) => {
      expect((await edge.api("POST /v1/verifications", { to, companyName })).status).toBe(202);
    },
  );

  it.each(["دیجی‌کالا", "ශ්‍රී", "र‍्याब", "অর‍্যাব", "അവന്‍", "هتل ۵‌ستاره", "👨‍👩‍👧"])(
    "is spelled with joiners where its script needs them, and shown so: %s",
    async (name) => {
      const payee = `${name} 1`;
      const { status, body } = await edge.api("POST /v1/verifications", { to, companyName: name, bind: { payee } });
      expect(status).toBe(202);
      const [row] = await edge.rows("SELECT text FROM verification WHERE id = ?", String(body["id"]));
      expect(row?.["text"]).toContain(name);
      expect(row?.["text"]).toContain(payee);
      const answers = [
        await edge.api("POST /v1/sessions", { name }),
        await edge.api("POST /v1/pools", { name }),
        await edge.api("POST /v1/keys", { name, scopes: ["otp:send"] }),
        await edge.api("POST /v1/templates", { name, texts: { en: `${name}\n*{{code}}*` } }),
        await edge.api("POST /v1/access-rules", { effect: "block", kind: "country", value: "BR", note: name }),
        await edge.api("PATCH /v1/workspace", { name }),
      ];
      expect(answers.map((each) => each.status)).toEqual([201, 201, 201, 201, 201, 200]);
    },
  );

  it.each(["Ac\u200dme", "Ac\u200cme", "\u200cدیجی", "دیجی\u200c", "دی\u200c\u200cجی", "دیجی\u200c کالا", "😀\u200dA"])(
    "must not hold joiners elsewhere: %j",
    async (name) => {
      for (const [request, body, field] of [
        ["verifications", { to, companyName: name }, "/companyName"],
        ["verifications", { to, bind: { payee: name } }, "/bind/payee"],
        ["sessions", { name }, "/name"],
      ] as const) {
        const answer = await edge.api(`POST /v1/${request}`, body);
        expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, field]);
        expect(answer.body.errors?.[0]?.message).toBe("must not hold line breaks, control or invisible characters");
      }
    },
  );

  it("does not hide a domain behind a joiner", async () => {
    const companyName = "شرکت.ا‌یران";
    const { body } = await edge.api("POST /v1/verifications", { to, companyName });
    expect(body.errors?.[0]?.message).toBe("must not hold a link or a domain name");
  });

  it.each(unprintable)("of a session must not be %j", async (name) => {
    const { status, body } = await edge.api("POST /v1/sessions", { name });
    expect([status, body.errors?.map(({ pointer }) => pointer)]).toEqual([400, ["/name"]]);
  });
});

describe("the text of a code", () => {
  const numbers = [
    "Bank. Call +62 812 3456 7890",
    "Bank 1500-888",
    "(021) 555/1234",
    "٠٨١٢٣٤٥٦٧",
    "０８１２３４５６",
    "6\ufe0f\u20e32\ufe0f\u20e38\ufe0f\u20e31\ufe0f\u20e32\ufe0f\u20e33\ufe0f\u20e34\ufe0f\u20e3",
    "0*8*1*2*3*4*5",
    "0812 · 3456",
  ];
  it.each(numbers)("holds no number to tap: %s", async (text) => {
    const bound = { to, bind: { amount: "IDR 150,000,000", payee: text } };
    const answers = [
      await edge.api("POST /v1/verifications", { to, companyName: text }),
      await edge.api("POST /v1/verifications", bound),
      await edge.api("PATCH /v1/workspace", { name: text }),
      await edge.api("PATCH /v1/workspace", { policy: { companyName: text } }),
      await edge.api("POST /v1/hooks/supabase", { name: "Ours", companyName: text }),
    ];
    expect(answers.map(({ status, body }) => [status, body.errors])).toEqual(
      ["/companyName", "/bind/payee", "/name", "/policy/companyName", "/companyName"].map((pointer) => [
        400,
        [{ pointer, message: "must not hold 7 or more digits with no letter between them" }],
      ]),
    );
    expect(await edge.count("verification")).toBe(0);
  });

  it.each([
    "Studio 54",
    "7-Eleven",
    "Toko 24 Jam 2024",
    "1-800-FLOWERS",
    "99 Speedmart 123",
    "Unit 12, Blok 34, No 56",
  ])("may hold digits as names do: %s", async (text) => {
    const bind = { amount: "IDR 150,000,000", payee: text };
    expect((await edge.api("POST /v1/verifications", { to, companyName: text, bind })).status).toBe(202);
    const [row] = await edge.rows("SELECT text FROM verification");
    expect(row?.["text"]).toContain(`IDR 150,000,000 kepada ${text}`);
  });

  it("shows a purpose that is a number without its digits", () => {
    const text = "{{purpose}}\n\n*{{code}}*";
    const shown = renderText({ text, locale: "en", companyName: "Acme", purpose: "call-62812-3456-7890" });
    expect(shown).toBe("call …\n\n*{{code}}*");
    expect(renderText({ text, locale: "en", companyName: "Acme", purpose: "order-4711" })).toMatch(/^order 4711\n/);
  });

  it("keeps a workspace at work whose stored name would be refused today", async () => {
    await edge.client.execute(`UPDATE workspace SET policy = '{"countries":["*"],"companyName":"Bank 1500888"}'`);
    edge.services.keyCache.clear();
    expect((await edge.api("POST /v1/verifications", { to })).status).toBe(202);
    const [row] = await edge.rows("SELECT text FROM verification");
    expect(row?.["text"]).toMatch(/\*Bank …\*/);
    const { status, body } = await edge.api("PATCH /v1/workspace", { policy: { codeLength: 5 } });
    expect([status, body["policy"]]).toEqual([
      200,
      expect.objectContaining({ codeLength: 5, companyName: "Bank 1500888" }),
    ]);
  });
});

describe("a code as it is typed", () => {
  const typed = [
    "123 456",
    "123-456",
    " 123456\n",
    "\u200e123\u2011456\u202c",
    "１２３４５６",
    "١٢٣٤٥٦",
    "۱۲۳۴۵۶",
    "१२३४५६",
    "১২৩৪৫৬",
    "๑๒๓ ๔๕๖",
  ];
  it.each(typed)("is the same code: %j", async (code) => {
    for (const [request, more] of [
      ["check", { to }],
      ["{id}/check", {}],
    ] as const) {
      const { body } = await edge.api("POST /v1/verifications", { to, code: "123456" });
      const path = request.replace("{id}", String(body["id"]));
      const wrong = await edge.api(`POST /v1/verifications/${path}`, {
        ...more,
        code: code.replace(/[1１١۱१১๑]/u, "9"),
      });
      expect([wrong.status, wrong.body.code]).toEqual([422, "code-incorrect"]);
      const right = await edge.api(`POST /v1/verifications/${path}`, { ...more, code });
      expect([right.status, right.body["status"]]).toEqual([200, "approved"]);
    }
  });

  it("of letters and digits is, too, and has up to ten of them", async () => {
    const { body } = await edge.api("POST /v1/verifications", { to, code: "ab12cd34ef" });
    const check = (code: string) => edge.api(`POST /v1/verifications/${String(body["id"])}/check`, { code });
    for (const code of ["ab1", "ab12cd34ef5", "ab-1", "ab12*d34ef", "1".repeat(65)]) {
      const { status, body: refused } = await check(code);
      expect([status, refused.errors?.[0]?.pointer]).toEqual([400, "/code"]);
    }
    expect([body["codeLength"], (await check("Ａb12-Cd34-۰f")).status]).toEqual([10, 422]);
    expect((await check("Ａb12-Cd۳۴-eＦ")).status).toBe(200);
  });

  it("that others bring is taken as it is to be sent", async () => {
    for (const code of ["123 456", "١٢٣٤٥٦", "123", "12345678901"]) {
      const { status, body } = await edge.api("POST /v1/verifications", { to, code });
      expect([status, body.errors]).toEqual([
        400,
        [{ pointer: "/code", message: "must be 4 to 10 letters or digits" }],
      ]);
    }
  });
});

describe("a body of a thousand levels", () => {
  it("is refused like any other, also with an Idempotency-Key", async () => {
    const deep = `{"to":${"[".repeat(3000)}${"]".repeat(3000)}}`;
    for (const headers of [{}, { "idempotency-key": "deep" }]) {
      const { status, body } = await edge.api("POST /v1/verifications", deep, { headers });
      expect([status, body.code]).toEqual([400, "invalid-request"]);
    }
  });
});

describe("what would be lost on the way", () => {
  it.each([
    ['{"to":"+6281234567890","metadata":{"__proto__":"x"}}', "/metadata/__proto__"],
    ['{"to":"+6281234567890","__proto__":{"purpose":"x"}}', "/__proto__"],
    ['{"to":"+6281234567890","metadata":{"a":"\\udc00"}}', "/metadata/a"],
    ['{"to":"+6281234567890","metadata":{"\\udc00":"a"}}', "/metadata"],
  ])("is refused with its place: %.60s", async (body, pointer) => {
    const answer = await edge.api("POST /v1/verifications", body);
    expect([answer.status, answer.body.code]).toEqual([400, "invalid-request"]);
    expect(answer.body.errors?.map((each) => each.pointer)).toEqual([pointer]);
    expect(await edge.count("verification")).toBe(0);
  });

  it("is not searched below the maximum depth", async () => {
    const deep = `{"to":"${to}","metadata":${"[".repeat(30_000)}"\\ud800"${"]".repeat(30_000)}}`;
    const { status, body } = await edge.api("POST /v1/verifications", deep);
    expect([status, body.errors?.[0]?.message]).toEqual([400, "is nested too deeply"]);
  });

  it("is refused in a text as well; whole characters are not", async () => {
    const sessionId = await edge.addSession();
    const send = (text: string) => edge.api("POST /v1/messages", { sessionId, to, type: "text", text });
    expect((await send("hi \ud83d")).body.errors?.[0]?.pointer).toBe("/text");
    expect((await send("hi \ud83d\ude00\nyou")).status).toBe(202);
  });
});

describe("a route that takes no body", () => {
  const routes = ["cancel", "restart", "logout", "qr-page", "delete"] as const;
  async function requestOf(route: (typeof routes)[number]) {
    if (route === "delete") return `DELETE /v1/sessions/${await edge.addSession()}`;
    if (route !== "cancel") return `POST /v1/sessions/${await edge.addSession()}/${route}`;
    const { body } = await edge.api("POST /v1/verifications", { to });
    return `POST /v1/verifications/${body["id"] as string}/cancel`;
  }

  it.each(routes)("takes an empty body and {}: %s", async (route) => {
    expect((await edge.api(await requestOf(route))).status).toBeLessThan(300);
    expect((await edge.api(await requestOf(route), {})).status).toBeLessThan(300);
  });

  it.each(routes)("refuses every other, and does nothing: %s", async (route) => {
    const request = await requestOf(route);
    const before = await Promise.all(["session", "verification"].map((table) => edge.rows(`SELECT * FROM ${table}`)));
    const answers = [
      await edge.api(request, "{"),
      await edge.api(request, "{}", { headers: { "content-type": "text/plain" } }),
      await edge.api(request, `"${"x".repeat(65_536)}"`),
      await edge.api(request, { reason: "x" }),
      await edge.api(request, "[]"),
      await edge.api(request, "null"),
    ];
    expect(answers.map(({ status, body }) => [status, body.code, body.errors])).toEqual([
      [400, "invalid-json", undefined],
      [415, "unsupported-media-type", undefined],
      [413, "payload-too-large", undefined],
      [400, "invalid-request", [{ pointer: "/reason", message: "is not a known field" }]],
      [400, "invalid-request", [{ pointer: "", message: "must be an object, not an array" }]],
      [400, "invalid-request", [{ pointer: "", message: "must be an object, not null" }]],
    ]);
    const after = await Promise.all(["session", "verification"].map((table) => edge.rows(`SELECT * FROM ${table}`)));
    expect(after).toEqual(before);
  });
});

describe("what is wrong is said in plain words", () => {
  const types = MessageType.options.map((type) => `"${type}"`).join(", ");
  it.each([
    // The type decides which fields there are: the others are read after it.
    ["messages", { to, text: "" }, "/type is required"],
    ["messages", { to, type: "gift", text: "" }, `/type must be one of ${types}`],
    ["messages", { to, type: "text", text: "" }, "/text must not be empty"],
    [
      "messages",
      { sessionId: "x", to: "x".repeat(65), type: "text", text: "x".repeat(65_537) },
      "/sessionId must be an id such as ses_01jd…; /to must be at most 64 characters; /text must be at most 65536 characters",
    ],
    ["messages", [], " must be an object, not an array"],
    ["verifications", { to: null }, "/to must be a string, not null"],
    ["verifications", { to, expiresIn: 59.5 }, "/expiresIn must be a whole number"],
    ["verifications", { to, expiresIn: 59 }, "/expiresIn must be at least 60"],
    ["verifications", { to, expiresIn: 601 }, "/expiresIn must be at most 600"],
    ["verifications", { to, expiresIn: "60" }, "/expiresIn must be a number, not a string"],
    ["verifications", { to, companyName: " " }, "/companyName must not be empty"],
    ["verifications", { to, metadata: "x" }, "/metadata must be an object, not a string"],
    ["verifications", { to, metadata: { a: 1 } }, "/metadata/a must be a string, not a number"],
    ["verifications", { to, metadata: { "": "a" } }, "/metadata/ is a name that cannot be used: it must not be empty"],
    ["verifications", { to, route: {} }, "/route must name a session or a pool"],
    ["sessions", { name: "x".repeat(65) }, "/name must be at most 64 characters"],
  ])("%s %j", async (resource, input, expected) => {
    const { status, body } = await edge.api(`POST /v1/${resource}`, input);
    const said = body.errors?.map(({ pointer, message }) => `${pointer} ${message}`).join("; ");
    expect([status, said]).toEqual([400, expected]);
  });
});
