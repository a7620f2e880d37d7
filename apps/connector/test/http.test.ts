import { request as httpRequest } from "node:http";
import { AppError } from "@sandi/contracts";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createApp, json } from "../src/http.ts";
import { listen, type Server } from "../src/listen.ts";

let server: Server;
let log: string[];
let bodies: string[];

beforeEach(async () => {
  log = [];
  bodies = [];
  const app = createApp({
    services: { newId: (prefix) => `${prefix}_1` },
    edgeUrl: "https://edge.test",
    logger: pino({}, { write: (line: string) => void log.push(line) }),
    problems: () => Promise.resolve(["no database"]),
    routes: [
      {
        path: "/echo",
        maxBytes: 1000,
        proof({ authorization }) {
          if (authorization === undefined) throw new AppError("service-token-invalid");
          return authorization;
        },
        async answer({ body, proof }) {
          bodies.push(body);
          if (body === "fail") throw new Error("a secret");
          return json(200, { body, proof });
        },
      },
    ],
  });
  server = await listen(app, { host: "127.0.0.1", port: 0 });
});
afterEach(() => server.close());

const url = (path: string) => `http://127.0.0.1:${server.port}${path}`;
const post = (path: string, init: RequestInit) => fetch(url(path), { method: "POST", ...init });
const headers = { authorization: "me" };

/** A body whose length is not announced. */
async function* parts(count: number) {
  for (let i = 0; i < count; i++) yield Buffer.alloc(100, "x");
}

test("a route gets the whole body and the header that proves the caller", async () => {
  const answer = await post("/echo?x=1", { body: "höre 🎧", headers });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ body: "höre 🎧", proof: "me" });
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    "content-type": "application/json",
    "x-request-id": "req_1",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
  const streamed = { body: parts(3), duplex: "half", headers } as unknown as RequestInit;
  expect(await (await post("/echo", streamed)).json()).toEqual({ body: "x".repeat(300), proof: "me" });
});

test("a request without the header is refused before its body is read", async () => {
  expect((await post("/echo", { body: "x" })).status).toBe(401);
  expect(bodies).toEqual([]);
});

test("a body that is too long is refused, with an announced length and without", async () => {
  expect((await post("/echo", { body: "x".repeat(1001), headers })).status).toBe(413);
  const streamed = { body: parts(11), duplex: "half", headers } as unknown as RequestInit;
  const answer = await post("/echo", streamed);
  expect(answer.status).toBe(413);
  expect(await answer.json()).toMatchObject({
    type: "https://edge.test/problems/payload-too-large",
    retryable: false,
    requestId: "req_1",
  });
  expect(bodies).toEqual([]);
});

test.each([{ headers }, { headers: {} }])(
  "a caller that sends for ever is answered and cut off %j",
  async (options) => {
    const asked = httpRequest(url("/echo"), { method: "POST", ...options });
    const answered = new Promise<number | undefined>((resolve) =>
      asked.on("response", (response) => resolve(response.resume().statusCode)),
    );
    const cut = new Promise((resolve) => asked.on("error", resolve).on("close", resolve));
    asked.write("x".repeat(2000));
    expect(await answered).toBe("authorization" in options.headers ? 413 : 401);
    await cut;
  },
);

test("paths and methods that do not exist are 404", async () => {
  for (const answer of [await fetch(url("/echo")), await post("/healthz", {}), await post("/nothing", { headers })]) {
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: "not-found" });
  }
});

test("health is answered to GET and HEAD, and readiness names what is wrong", async () => {
  expect(await (await fetch(url("/healthz"))).json()).toEqual({ status: "ok" });
  const head = await fetch(url("/healthz"), { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  const ready = await fetch(url("/readyz"));
  expect([ready.status, await ready.json()]).toEqual([503, { status: "not ready", problems: ["no database"] }]);
});

test("an unexpected error is a 500 without its message, and logged", async () => {
  const answer = await post("/echo", { body: "fail", headers });
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain("secret");
  expect(log.join("")).toContain('"path":"/echo"');
});
