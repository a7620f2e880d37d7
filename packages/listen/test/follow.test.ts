import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { follow, Refused } from "../src/follow.ts";

/** Answers of a Sandi, in the order of its requests. */
let answers: ((request: IncomingMessage, response: ServerResponse) => void)[] = [];
let requests: IncomingMessage[] = [];
let slept: number[] = [];
let said: string[] = [];
let end: AbortController;
let url = "";
const server = createServer((request, response) => {
  requests.push(request);
  const answer = answers.shift();
  if (answer) answer(request, response);
  else response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
});

beforeEach(async () => {
  [answers, requests, slept, said, end] = [[], [], [], [], new AbortController()];
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  end.abort();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

const part = (id: number) => `id: ${id}\nevent: message.sent\ndata: {"id":"evt_${id}"}\n\n`;
const stream =
  (text: string, { isCut = false } = {}) =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(text, () => (isCut ? response.destroy() : response.end()));
  };
const refusal =
  (status: number, body: object = {}, headers: Record<string, string> = {}) =>
  (_: IncomingMessage, response: ServerResponse) =>
    response.writeHead(status, { "content-type": "application/problem+json", ...headers }).end(JSON.stringify(body));

const cut = (_: IncomingMessage, response: ServerResponse) => response.destroy();

/** The ids of events until there are so many. */
async function take(
  count: number,
  { onEvent, ...more }: { types?: string[]; session?: string; onEvent?: () => void } = {},
): Promise<string[]> {
  const ids: string[] = [];
  const following = follow({
    url,
    key: "sandi_live_1",
    types: [],
    session: undefined,
    signal: end.signal,
    say: (line) => said.push(line),
    sleep: async (ms) => void slept.push(ms),
    ...more,
  });
  for await (const { event } of following) {
    ids.push(event.id);
    onEvent?.();
    if (ids.length === count) break;
  }
  return ids;
}

const lastIds = () => requests.map(({ headers }) => headers["last-event-id"]);

it("asks for the filters with the key, as a stream", async () => {
  answers = [stream(part(1))];
  await take(1, { types: ["message.*", "poll.vote"], session: "ses_1" });
  expect(requests[0]?.url).toBe("/v1/events?type=message.*&type=poll.vote&sessionId=ses_1");
  expect(requests[0]?.headers).toMatchObject({ authorization: "Bearer sandi_live_1", accept: "text/event-stream" });
});

it("goes on after the last event of a stream that ended, after the pause that the stream asks for", async () => {
  answers = [stream(`retry: 2000\nid: 7\n\n${part(8)}${part(9)}`), stream(part(10))];
  expect(await take(3)).toEqual(["evt_8", "evt_9", "evt_10"]);
  expect([lastIds(), slept, said]).toEqual([[undefined, "9"], [2000], []]);
});

it("goes on after the position of a heartbeat, and of a stream in which nothing came", async () => {
  answers = [
    stream("retry: 1000\nid: 7\n\n", { isCut: true }),
    stream(": heartbeat\nid: 12\n\n", { isCut: true }),
    stream(part(13)),
  ];
  expect(await take(1)).toEqual(["evt_13"]);
  expect(lastIds()).toEqual([undefined, "7", "12"]);
});

it("takes an event that was cut in its middle from the next stream, and each event once", async () => {
  const text = Array.from({ length: 9 }, (_, i) => part(i + 1)).join("");
  const cuts = Array.from({ length: text.length }, (_, at) => at);
  for (const at of cuts) {
    const whole = text.slice(0, at).split("\n\n").length - 1;
    answers.push(stream(text.slice(0, at), { isCut: true }), stream(text.split("\n\n").slice(whole).join("\n\n")));
    requests = [];
    expect(await take(9)).toEqual(Array.from({ length: 9 }, (_, i) => `evt_${i + 1}`));
    expect(lastIds()).toEqual([undefined, whole === 0 ? undefined : String(whole)].slice(0, requests.length));
    answers = [];
  }
});

it("waits longer after each connection that fails, says so once, and says when it is back", async () => {
  answers = [cut, cut, cut, cut, cut, cut, cut, stream(part(1))];
  expect(await take(1)).toEqual(["evt_1"]);
  expect(slept).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  expect(said).toEqual([expect.stringMatching(/: connecting again$/), "connected again"]);
});

it("waits as long as Sandi asks for", async () => {
  answers = [
    refusal(429, {}, { "retry-after": "15" }),
    refusal(503, {}, { "retry-after": "2" }),
    refusal(500),
    stream(part(1)),
  ];
  expect(await take(1)).toEqual(["evt_1"]);
  expect(slept).toEqual([15_000, 2_000, 30_000]);
});

it("gives up with Sandi's reason when another try would be refused, too", async () => {
  const problem = {
    title: "The request is not valid",
    errors: [{ pointer: "query/type/0", message: "must be `*`" }],
  };
  answers = [refusal(400, problem)];
  await expect(take(1)).rejects.toThrow(
    new Refused("Sandi refuses: The request is not valid. query/type/0 must be `*`"),
  );
});

it("ends with the signal, while a stream is open", async () => {
  answers = [(_, response) => response.writeHead(200, { "content-type": "text/event-stream" }).write(part(1))];
  expect(await take(2, { onEvent: () => setImmediate(() => end.abort()) })).toEqual(["evt_1"]);
  expect([slept, said]).toEqual([[], []]);
});
