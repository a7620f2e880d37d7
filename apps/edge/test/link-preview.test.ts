import { claimPath, type ClaimResponse, type Message } from "@sandi/contracts";
import { beforeEach, describe, expect, it, test } from "vitest";
import { readPageWords } from "../src/messages/page-words.ts";
import { type Edge, limitAnswer } from "./harness.ts";
import { useEdge } from "./use-edge.ts";

let edge: Edge;
useEdge((started) => (edge = started));
let sessionId: string;
/** The addresses that the edge asked. */
let asked: string[];

beforeEach(async () => {
  sessionId = await edge.addSession();
  asked = [];
});

const page = (head: string, headers = { "content-type": "text/html; charset=utf-8" }, status = 200) =>
  new Response(`<!doctype html><head>${head}</head><body>Hello`, { status, headers });
const order = `<title>Acme</title><meta property="og:title" content="Order &amp; 42"><meta name="description" content="Two
  parcels">`;
const moved = (location: string) => new Response(null, { status: 302, headers: { location } });

/** Sends a text whose link has these answers, by address; and the preview that the connector opens. */
async function previewOf(
  answers: Record<string, Response | Error>,
  text = "See https://acme.example/42.",
): Promise<unknown> {
  edge.site = (url) => {
    asked.push(url);
    const answer = answers[url] ?? new Response("", { status: 404 });
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const input = { sessionId, to: "+6281234567890", type: "text", text, linkPreview: true };
  const { status, body } = await edge.api<Message>("POST /v1/messages", input);
  expect(status).toBe(202);
  const claims = [{ messageId: body.id, sessionId, fence: 1 }];
  const { results } = (await edge.internal<ClaimResponse>(claimPath, { connectorId: "a", claims })).body;
  const [claimed] = results;
  if (claimed?.outcome !== "claimed") throw new Error("not claimed");
  return ((await edge.unseal(claimed.sealed)) as { linkPreview: unknown }).linkPreview;
}
const link = "https://acme.example/42";
const found = { url: link, title: "Order & 42", description: "Two parcels" };

describe("a link preview that the edge makes", () => {
  it("has the words of the page of the first link", async () => {
    expect(await previewOf({ [link]: page(order) })).toEqual(found);
    const two = `http://a.example, (${link}) or https://b.example`;
    expect(await previewOf({ [link]: page(order) }, two)).toEqual(found);
    expect(asked).toEqual([link, link]);
  });

  it("follows redirects, three at most", async () => {
    const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => `https://${name}.example/`);
    const way = {
      [link]: moved(a!),
      [a!]: moved("//b.example/"),
      [b!]: moved(c!),
      [c!]: page(order),
      [d!]: page(order),
    };
    expect(await previewOf(way)).toEqual(found);
    expect(await previewOf({ ...way, [link]: moved(a!), [a!]: moved(b!), [b!]: moved(c!), [c!]: moved(d!) })).toBe(
      false,
    );
    expect(asked).not.toContain(d);
  });

  it.each([
    ["the address of a cloud's metadata", "https://169.254.169.254/latest"],
    ["an address without TLS", "http://acme.example/"],
    ["a private address in IPv6", "https://[::ffff:10.0.0.1]/"],
    ["a name of this machine", "https://localhost/"],
    ["a password", "https://a:b@acme.example/"],
    ["no address", "https://"],
  ])("goes nowhere on a redirect to %s", async (_name, address) => {
    expect(await previewOf({ [link]: moved(address), [address]: page(order) })).toBe(false);
    expect(asked).toEqual([link]);
  });

  it.each(["https://10.0.0.1/x", "https://0x7f.1/x", "https://[::1]/x", "https://acme.internal/x"])(
    "asks no private address: %s",
    async (address) => {
      expect(await previewOf({}, `See ${address}`)).toBe(false);
      expect(asked).toEqual([]);
    },
  );

  it.each<[string, Response | Error]>([
    ["does not answer", new Error("no answer")],
    ["is not there", page(order, undefined, 404)],
    ["is no page", page(order, { "content-type": "image/png" })],
    ["says nothing of itself", page("<meta charset=utf-8>")],
    ["has a body that breaks off", new Response(brokenBody(), { headers: { "content-type": "text/html" } })],
  ])("is none when the page %s; the message is sent", async (_name, answer) => {
    expect(await previewOf({ [link]: answer })).toBe(false);
  });

  it("reads 512 KiB of a page, and no more", async () => {
    let read = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        read += 65_536;
        controller.enqueue(new TextEncoder().encode((read === 65_536 ? order : "").padEnd(65_536, " ")));
      },
    });
    expect(await previewOf({ [link]: new Response(endless, { headers: { "content-type": "text/html" } }) })).toEqual(
      found,
    );
    expect(read).toBeLessThan(700_000);
  });

  it("reads the letters of the page's charset", async () => {
    const bytes = new Uint8Array([...Buffer.from("<title>"), 0x93, 0xfa, 0x96, 0x7b, ...Buffer.from("</title>")]);
    const answer = new Response(bytes, { headers: { "content-type": "text/html; charset=Shift_JIS" } });
    expect(await previewOf({ [link]: answer })).toEqual({ url: link, title: "日本" });
  });

  it("is made for a text with a link only, and after the limits", async () => {
    const body = { sessionId, to: "+6281234567890", type: "text", text: "http://acme.example", linkPreview: true };
    const { status, body: problem } = await edge.api("POST /v1/messages", body);
    expect([status, problem.errors?.[0]?.pointer]).toEqual([400, "/linkPreview"]);
    edge.redis = ([, , count]) => Promise.resolve(limitAnswer(count, [0, 40, 60_000]));
    edge.site = (url) => {
      asked.push(url);
      return page(order);
    };
    expect((await edge.api("POST /v1/messages", { ...body, text: link })).status).toBe(429);
    expect(asked).toEqual([]);
  });
});

function brokenBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.error(new Error("broken")) });
}

describe("the words of a page", () => {
  test.each<[string, object | null]>([
    ["<TITLE>\n A  b\t</TITLE>", { title: "A b" }],
    [`<meta content='It"s' property=og:title>`, { title: `It"s` }],
    ['<meta property="og:title" content="a > b">', { title: "a > b" }],
    ['<meta name="twitter:title" content="T"><title>P</title>', { title: "T" }],
    ['<meta property="og:title" content=" "><title>P</title>', { title: "P" }],
    [
      '<meta property="og:title" content="&lt;b&gt; &#39;x&#x2019; &nbsp;&copy; &#0;&#1114112;">',
      { title: "<b> 'x’ &copy;" },
    ],
    ["<title>a\u202eb\u200b</title>", { title: "ab" }],
    [`<title>${"🌸".repeat(300)}</title>`, { title: "🌸".repeat(200) }],
    ["<title>never closed", null],
    ['<meta property="og:title" content="never closed', null],
    ["", null],
  ])("%s", (html, words) => {
    expect(readPageWords(html)).toEqual(words);
  });

  test.each(["<meta ", '<meta a="', "<meta a='b' ", "<title", "<meta/", "&#x", "<"])(
    "are looked for in any page, also in one made of %s",
    (part) => {
      expect(readPageWords(part.repeat(Math.ceil(524_288 / part.length)))).toBeNull();
    },
  );
});
