import {
  createId,
  DeleteForMeRpc,
  EditMessageRpc,
  FetchMediaRpc,
  GetGroupRpc,
  GetPersonRpc,
  Group,
  ListChatsRpc,
  ListMessagesRpc,
  MessageMedia,
  MessageReceiptsRpc,
  PairingCodeRpc,
  PinRpc,
  QrRpc,
  ReachabilityRpc,
  ReactRpc,
  ReadMessagesRpc,
  RevokeMessageRpc,
  StarRpc,
  type Scope,
  VoteRpc,
} from "@sandi/contracts";
import type { RpcAnswer } from "../../src/services.ts";
import { type Edge, startEdge, type Workspace } from "../harness.ts";
import { type Operation, resolved, type Schema } from "./description.ts";
import type { Case, KeyKind } from "./requests.ts";

export type Side = "A" | "B";

/** An edge with two workspaces, each with something of everything, and with marks that must not get to the other. */
export interface World {
  edge: Edge;
  keys: Record<KeyKind, string | null>;
  /** Ids by their prefix, oldest first. */
  ids: Record<Side, Map<string, string[]>>;
  /** What creates something whose id begins so. */
  makers: Map<string, { path: string; body: string }>;
  /** Ids of what the requests stand on: other than theirs, nothing of it is changed. */
  kept: Set<string>;
  /** Texts that belong to one side alone. */
  marks: Record<Side, Set<string>>;
}

export const other = (side: Side): Side => (side === "A" ? "B" : "A");

const nobody = "01jd3k9v7hq2w8x5n4b6m0c1ta";
const few: Scope[] = ["otp:send", "otp:check"];
const markOf = { A: "qzA71", B: "qzB71" };
const tailOf = { A: "610", B: "920" };
const phoneOf = (side: Side, index: number) => `+62812345${tailOf[side]}0${index % 8}`;

/** Bytes that are the same in every run. */
function seededBytes(seed: number) {
  let state = seed;
  return (length: number) =>
    Uint8Array.from({ length }, () => {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return (mixed ^ (mixed >>> 14)) & 255;
    });
}

export async function createWorld(operations: readonly Operation[], description: object, seed: number): Promise<World> {
  const edge = await startEdge();
  edge.services.random = seededBytes(seed);
  const sides: Record<Side, Workspace> = { A: edge.workspace, B: await edge.addWorkspace(`Bank ${markOf.B}`) };
  const { A, B } = sides;
  const test = { environment: "test" };
  const world: World = {
    edge,
    keys: {
      A: A.key,
      "A-few": await edge.addKey(A.id, few),
      "A-one": await edge.addKey(A.id, ["analytics:read"]),
      "A-none": await edge.addKey(A.id, []),
      "A-test": await edge.addKey(A.id, undefined, test),
      B: B.key,
      "B-few": await edge.addKey(B.id, few),
      "B-test": await edge.addKey(B.id, undefined, test),
      missing: null,
      operator: "operator-0",
      broken: `${A.key.slice(0, -1)}_`,
    },
    ids: { A: new Map([["ws", [A.id]]]), B: new Map([["ws", [B.id]]]) },
    makers: new Map(),
    kept: new Set((await edge.rows("SELECT id FROM api_key")).map(({ id }) => String(id))),
    marks: { A: new Set([markOf.A, A.id]), B: new Set([markOf.B, B.id]) },
  };
  for (const side of ["A", "B"] as const) {
    for (const state of ["online", "online", "pairing", "waiting", "ended", "stopped"]) {
      know(world, side, await edge.addSession(state, sides[side].id));
    }
    await edge.client.execute({
      sql: "UPDATE session SET name = ?, phone = iif(phone IS NULL, NULL, ?) WHERE workspace_id = ?",
      args: [`sender of ${markOf[side]}`, phoneOf(side, 7), sides[side].id],
    });
    for (let i = 0; i < 8; i++) world.marks[side].add(phoneOf(side, i)).add(`•••${phoneOf(side, i).slice(-4)}`);
  }
  for (let round = 0; round < 2; round++) await plant(world, operations, description);
  for (const side of ["A", "B"] as const) await addDelivery(world, side);
  return world;
}

/** A delivery that has failed, to a webhook of this side: no request stores one at once. */
async function addDelivery(world: World, side: Side): Promise<void> {
  const { client, services } = world.edge;
  const id = createId("dlv", services.now(), services.random(10));
  await client.execute({
    sql: `INSERT INTO delivery (id, workspace_id, endpoint_id, subject_id, type, status, attempts, event_seq, created_at)
      SELECT ?, e.workspace_id, p.id, e.id, e.type, 'failed', 1, e.seq, e.at FROM endpoint p
      JOIN event e ON e.workspace_id = p.workspace_id AND e.type = 'message.queued' WHERE p.id = ? LIMIT 1`,
    args: [id, world.ids[side].get("whe")![0]!],
  });
  know(world, side, id);
}

/** Has each side create one of everything that the description has an example of, with its mark in every free text. */
async function plant(world: World, operations: readonly Operation[], description: object): Promise<void> {
  for (const { method, path, body } of operations) {
    const { schema, example } = body?.["application/json"] ?? {};
    if (method !== "POST" || path.includes("{") || example === undefined || !schema) continue;
    for (const side of ["A", "B"] as const) {
      for (const text of [marked(example, schema, { description, side }), example]) {
        const json = JSON.stringify(text);
        const of = { side, code: "123456" };
        const answer = await world.edge.api(`POST ${path}`, resolve(world, of, json), { key: world.keys[side] });
        await world.edge.settled();
        world.edge.advance(2_000);
        learn(world, side, answer.text);
        if (answer.status >= 300) continue;
        const prefix = /^\{"id":"([a-z]+)_/.exec(answer.text)?.[1];
        if (prefix !== undefined && !world.makers.has(prefix)) world.makers.set(prefix, { path, body: json });
        break;
      }
    }
  }
}

function marked(value: unknown, given: Schema, to: { description: object; side: Side }): unknown {
  const schema = resolved(given, to.description);
  if (typeof value === "string") {
    if (/^\+[1-9][0-9]{6,14}$/.test(value)) return "«phone.0»";
    const id = /^([a-z]+)_[0-9a-z]{26}$/.exec(value)?.[1];
    if (id !== undefined) return `«own.${id}.0»`;
    return isFree(schema) ? `${value} ${markOf[to.side]}` : value;
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((each) => marked(each, schema.items ?? {}, to));
  const rest = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {};
  const whole = { ...examplesOf(schema), ...value };
  return Object.fromEntries(
    Object.entries(whole).map(([key, each]) => [key, marked(each, schema.properties?.[key] ?? rest, to)]),
  );
}

const isFree = ({ type, pattern, format, enum: values, const: one, anyOf }: Schema) =>
  type === "string" && [pattern, format, values, one, anyOf].every((each) => each === undefined);

/** Free texts and maps of them that an example leaves out. */
const examplesOf = ({ properties = {} }: Schema) =>
  Object.fromEntries(
    Object.entries(properties)
      .filter(([, schema]) => isFree(schema) || typeof schema.additionalProperties === "object")
      .flatMap(([key, { example }]) => (example === undefined ? [] : [[key, example]])),
  );

function know({ ids, kept, marks }: World, side: Side, id: string): void {
  marks[side].add(id);
  if (kept.has(id)) return;
  const prefix = id.slice(0, id.indexOf("_"));
  const known = ids[side].get(prefix) ?? [];
  if (!known.includes(id)) known.push(id);
  ids[side].set(prefix, known);
}

/** Remembers the ids in an answer. */
export function learn(world: World, side: Side, text: string): void {
  for (const [id] of text.matchAll(/\b(?!req_)[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{26}\b/g)) {
    if (!id.endsWith(nobody) && !world.marks[other(side)].has(id)) know(world, side, id);
  }
}

interface Asker {
  side: Side;
  code: string;
  isTest?: boolean;
}

/** Puts what only this edge knows in place of the words in guillemets. */
function resolve({ ids }: World, { side, code, isTest = false }: Asker, text: string): string {
  return text
    .replaceAll("«code»", code)
    .replaceAll(/«phone\.(\d)»/g, (_, index: string) => (isTest ? `+9990000000${index}` : phoneOf(side, Number(index))))
    .replaceAll(/«(own|their)\.([a-z]+)\.(\d)»/g, (_, whose: string, prefix: string, digit: string) => {
      const known = ids[whose === "own" ? side : other(side)].get(prefix) ?? [];
      const index = Number(digit);
      return known.at(index < 2 ? index % known.length : -1 - ((index - 2) % known.length)) ?? `${prefix}_${nobody}`;
    });
}

/** A request as it was sent, and what came back. */
export interface Exchange {
  side: Side | undefined;
  method: string;
  url: URL;
  headers: Record<string, string>;
  body: Case["body"];
  mood: Case["mood"];
  status: number;
  answered: Headers;
  text: string;
}

/** Makes what the case is about, and points the case to it. */
async function renewed(world: World, each: Case): Promise<Case> {
  if (each.fresh === undefined || !/^[AB]/.test(each.key)) return each;
  const text = `${each.address} ${String(each.body)}`;
  const prefix = text.includes("«code»") ? "ver" : /«own\.([a-z]+)/.exec(text)?.[1];
  const maker = world.makers.get(prefix ?? "");
  if (!maker) return each;
  const phone = `«phone.${each.fresh}»`;
  const side = each.key.startsWith("A") ? "A" : "B";
  const isTest = each.key.endsWith("-test");
  const json = maker.body.replaceAll(/«phone.\d»/g, phone).replaceAll(markOf[other(side)], markOf[side]);
  const body = resolve(world, { side, code: "123456", isTest }, json);
  const key = world.keys[isTest ? (`${side}-test` as const) : side];
  const made = await world.edge.api(`POST ${maker.path}`, body, { key });
  await world.edge.settled();
  learn(world, side, made.text);
  const newest = `«own.${prefix}.2»`;
  return {
    ...each,
    address: each.address.replaceAll(/«own\.[a-z]+\.\d»/g, newest),
    body: typeof each.body === "string" ? each.body.replaceAll(/«phone.\d»/g, phone) : each.body,
  };
}

/** Sends a case, and waits for what goes on behind its answer. */
export async function exchange(world: World, given: Case): Promise<Exchange> {
  const { edge, keys } = world;
  edge.advance(given.pauseMs);
  const each = await renewed(world, given);
  edge.connector = (path, body) => connector(each.mood, path, body);
  // An operator's token works once.
  if (each.key === "operator")
    edge.services.bootstrapToken = keys.operator = `operator-${edge.services.now().getTime()}`;
  const key = keys[each.key];
  const side = each.key.startsWith("A") ? "A" : each.key.startsWith("B") ? "B" : undefined;
  const of = { side: side ?? "A", code: "123456", isTest: each.key.endsWith("-test") } as const;
  const address = resolve(world, of, each.address);
  if (address.endsWith("/retry")) await failOnce(world, address);
  if (isAction(given.method, address)) await sendOnce(world, address);
  if (/^\/v1\/messages\/[^/]+\/media$/.test(address)) await receiveOnce(world, address);
  const wantsCode = typeof each.body === "string" && each.body.includes("«code»");
  const code = wantsCode ? await codeFor(world, address, resolve(world, of, String(each.body))) : of.code;
  const fill = (value: string) => resolve(world, { ...of, code }, value);
  const url = new URL(`https://api.test${address}`);
  url.search = each.query.replaceAll(/%C2%AB([\w.]+)%C2%BB/g, (_, word: string) =>
    encodeURIComponent(fill(`«${word}»`)),
  );
  const hasBody = each.method !== "GET" && each.method !== "HEAD" && each.body !== undefined;
  const body = hasBody ? (typeof each.body === "string" ? fill(each.body) : each.body) : undefined;
  const headers = { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...each.headers };
  const response = await edge.fetch(
    new Request(url, { method: each.method, headers, ...(body === undefined ? {} : { body }) }),
  );
  const answer = await response.text();
  await edge.settled();
  const { method, mood } = each;
  return { side, method, url, headers, body, mood, status: response.status, answered: response.headers, text: answer };
}

/** A message that is to be retried has failed. */
const failOnce = ({ edge }: World, address: string) =>
  edge.rows(
    "UPDATE message SET status = 'failed', failure = 'new_chats_locked' WHERE id = ? AND status = 'queued'",
    address.split("/")[3] ?? "",
  );

const isAction = (method: string, address: string) =>
  /^\/v1\/messages\/[^/]+\/(reaction|pin|votes)$/.test(address) ||
  (/^(PATCH|DELETE)$/.test(method) && /^\/v1\/messages\/[^/]+$/.test(address));

/** A message that the account does something with was sent; it is a poll, so that people can vote. */
const sendOnce = ({ edge }: World, address: string) =>
  edge.rows(
    `UPDATE message SET status = 'sent', sent_at = created_at, type = 'poll' WHERE id = ? AND status = 'queued'
      AND session_id <> '' AND test = 0`,
    address.split("/")[3] ?? "",
  );

/** A message whose file is fetched was received. */
const receiveOnce = ({ edge }: World, address: string) =>
  edge.rows(
    `UPDATE message SET direction = 'inbound', status = 'received' WHERE id = ? AND status = 'queued'
      AND session_id <> '' AND test = 0`,
    address.split("/")[3] ?? "",
  );

/** The code of the verification that the address names, else of the latest for the number in the body. */
async function codeFor({ edge }: World, address: string, body: string): Promise<string> {
  const tail = /\+[0-9]{5,13}([0-9]{2})"/.exec(body)?.[1] ?? "";
  const [row] = await edge.rows(
    "SELECT id FROM verification WHERE status = 'pending' AND (id = ? OR to_masked LIKE ?) ORDER BY id = ? DESC, id DESC",
    address.split("/")[3] ?? "",
    `%${tail}`,
    address.split("/")[3] ?? "",
  );
  return edge.codeOf(String(row?.["id"])).catch(() => "123456");
}

function connector(mood: Case["mood"], path: string, body: unknown): RpcAnswer {
  if (mood === "is silent") return undefined;
  const refusal = path === ReachabilityRpc.path ? "session-not-online" : "session-not-pairing";
  if (mood === "refuses") return { status: 409, body: { code: refusal } };
  if (mood === "talks nonsense") return { status: 200, body: { qr: 1, results: "none" } };
  const expiresAt = "2026-11-21T08:00:20.000Z";
  const { numbers = [], messageIds = [] } = body as { numbers?: string[]; messageIds?: string[] };
  const done = { at: expiresAt };
  const poll = { type: "poll", question: "When?", options: ["Morning", "Evening"], maxSelections: 1 };
  const answers: Record<string, unknown> = {
    [QrRpc.path]: { state: "pairing", qr: { qr: "2@a,b,c", expiresAt } },
    [PairingCodeRpc.path]: { code: "K7QX2M9P", expiresAt },
    [GetGroupRpc.path]: Group.meta()?.["example"],
    [EditMessageRpc.path]: done,
    [RevokeMessageRpc.path]: done,
    [ReactRpc.path]: done,
    [PinRpc.path]: done,
    [StarRpc.path]: done,
    [DeleteForMeRpc.path]: done,
    [VoteRpc.path]: done,
    [ListMessagesRpc.path]: { messages: [], nextCursor: null, isComplete: true },
    [ListChatsRpc.path]: { chats: [], nextCursor: null },
    [GetPersonRpc.path]: { id: "per_01jd3k9v7hq2w8x5n4b6m0c1ta", phone: null, lid: null, username: null, name: null },
    [MessageReceiptsRpc.path]: { receipts: [], person: null },
    [FetchMediaRpc.path]: {
      media: { ...(MessageMedia.meta()?.["example"] as object), mediaId: null, mediaState: "unavailable" },
    },
    [ReadMessagesRpc.path]: {
      messages: messageIds.map((id) => ({
        id,
        content: poll,
        from: null,
        quotedMessageId: null,
        reactions: [],
        votes: [],
      })),
    },
    [ReachabilityRpc.path]: {
      results: numbers.map((number, i) => ({ number, isOnWhatsApp: [true, null, false][i % 3] })),
    },
  };
  return { status: 200, body: answers[path] };
}
