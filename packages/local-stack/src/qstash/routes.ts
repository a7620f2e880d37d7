import { parseDuration } from "./duration.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { type Exchange, maxInFlight, type Published } from "./exchange.ts";
import { parseFilter } from "./filter.ts";
import { type Headers, parsePublication, RequestError, type Sender } from "./publication.ts";
import type { Schedules } from "./schedules.ts";
import { deadLetterView, messageView } from "./views.ts";

export interface Parts {
  exchange: Exchange;
  deadLetters: DeadLetters;
  schedules: Schedules;
  keys: { current: string; next: string };
}

export interface Request {
  method: string;
  /** The URL after `/v2/`, with its query. A destination in it is not decoded. */
  target: string;
  headers: Headers;
  body: Buffer;
  sender: Sender;
}

export type Reply = [status: number, body?: unknown];

/** Answers one request, or throws a `RequestError`. */
export function answer(parts: Parts, request: Request): Reply {
  const { method, target } = request;
  if (method === "POST") {
    const reply = publishing(parts, request);
    if (reply) return reply;
  }
  const [path = "", search = ""] = target.split("?", 2);
  const query = new URLSearchParams(search);
  const [room = "", ...rest] = path.split("/").map(decodeURIComponent);
  const route =
    rooms[room]?.[`${method} ${rest.map((part, index) => (index === 0 ? ":name" : part)).join("/")}`.trim()];
  if (!route) throw new RequestError(`${method} /v2/${path} is not supported`, 404);
  return route(parts, { name: rest[0] ?? "", query, request });
}

function publishing({ exchange, schedules }: Parts, { target, headers, body, sender }: Request): Reply | undefined {
  const [room, rest] = cut(target, "/");
  if (room === "publish") return publishedReply(exchange.publish([parsePublication(rest, headers, body, sender)]));
  if (room === "enqueue") {
    const [queueName, destination] = cut(rest, "/");
    return publishedReply(
      exchange.publish([
        parsePublication(destination, headers, body, { ...sender, queueName: decodeURIComponent(queueName) }),
      ]),
    );
  }
  if (room === "batch") return [201, exchange.publish(batch(body, sender)).map(publishedView)];
  if (room === "schedules" && rest) return [201, { scheduleId: schedules.create(rest, headers, body, sender) }];
  return undefined;
}

function batch(body: Buffer, sender: Sender) {
  const items = json(body);
  if (!Array.isArray(items)) throw new RequestError("a batch is an array");
  return items.map(
    (item: { destination?: unknown; headers?: Record<string, unknown>; body?: unknown; queue?: unknown }) => {
      if (typeof item?.destination !== "string") throw new RequestError("a message of the batch has no destination");
      const headers = Object.fromEntries(
        Object.entries(item.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String([value].flat()[0])]),
      );
      const content = Buffer.from(typeof item.body === "string" ? item.body : "");
      return parsePublication(item.destination, headers, content, {
        ...sender,
        queueName: typeof item.queue === "string" ? item.queue : undefined,
      });
    },
  );
}

interface Asked {
  name: string;
  query: URLSearchParams;
  request: Request;
}

type Route = (parts: Parts, asked: Asked) => Reply;

const rooms: Record<string, Record<string, Route>> = {
  keys: { GET: ({ keys }) => [200, keys] },
  events: { GET: events },
  logs: { GET: events },
  globalParallelism: {
    GET: ({ exchange }) => [200, { parallelismMax: maxInFlight, parallelismCount: exchange.inFlight }],
  },
  messages: {
    "GET :name": ({ exchange }, { name }) => [200, messageView(found(exchange.message(name), "message", name))],
    "DELETE :name": ({ exchange }, { name }) => {
      found(exchange.message(name), "message", name);
      return [200, { cancelled: exchange.cancel(({ id }) => id === name) }];
    },
    DELETE: ({ exchange }, { query, request }) => {
      if (request.body.length > 0) throw new RequestError("messages to cancel are named in the query");
      return [200, { cancelled: exchange.cancel(parseFilter(query)) }];
    },
  },
  dlq: {
    GET: ({ deadLetters }, { query }) => {
      const { letters, cursor } = deadLetters.list(query);
      return [200, { messages: letters.map(deadLetterView), ...(cursor ? { cursor } : {}) }];
    },
    "GET :name": ({ deadLetters }, { name }) => [
      200,
      deadLetterView(found(deadLetters.get(name), "dead letter", name)),
    ],
    "DELETE :name": ({ deadLetters }, { name }) => {
      deadLetters.delete([found(deadLetters.get(name), "dead letter", name)]);
      return [200];
    },
    DELETE: ({ deadLetters }, { query }) => {
      const { letters, cursor } = deadLetters.list(query);
      return [200, { deleted: deadLetters.delete(letters), ...(cursor ? { cursor } : {}) }];
    },
    "POST :name": ({ deadLetters }, { name, query }) => {
      if (name !== "retry") throw new RequestError(`POST /v2/dlq/${name} is not supported`, 404);
      const { letters, cursor } = deadLetters.list(query);
      return [
        200,
        {
          responses: deadLetters.retry(letters).map(({ messageId }) => ({ messageId })),
          ...(cursor ? { cursor } : {}),
        },
      ];
    },
  },
  queues: {
    GET: ({ exchange }) => [200, exchange.queues.list()],
    "GET :name": ({ exchange }, { name }) => [200, found(exchange.queues.get(name), "queue", name)],
    POST: ({ exchange }, { request }) => {
      const { queueName, parallelism, paused } = json(request.body) as {
        queueName?: unknown;
        parallelism?: unknown;
        paused?: unknown;
      };
      if (typeof queueName !== "string" || queueName === "") throw new RequestError("queueName is missing");
      if (parallelism !== undefined && !(Number.isInteger(parallelism) && Number(parallelism) > 0))
        throw new RequestError("parallelism is not a number above 0");
      exchange.queues.upsert(queueName, {
        ...(parallelism ? { parallelism: Number(parallelism) } : {}),
        ...(typeof paused === "boolean" ? { paused } : {}),
      });
      return [200];
    },
    "DELETE :name": ({ exchange }, { name }) => done(exchange.queues.delete(name), "queue", name),
    "POST :name/pause": ({ exchange }, { name }) => done(exchange.queues.upsert(name, { paused: true }), "queue", name),
    "POST :name/resume": ({ exchange }, { name }) =>
      done(exchange.queues.upsert(name, { paused: false }), "queue", name),
  },
  schedules: {
    GET: ({ schedules }) => [200, schedules.list()],
    "GET :name": ({ schedules }, { name }) => [200, found(schedules.get(name), "schedule", name)],
    "DELETE :name": ({ schedules }, { name }) => done(schedules.delete(name), "schedule", name),
    "PATCH :name/pause": ({ schedules }, { name }) => done(schedules.setPaused(name, true), "schedule", name),
    "PATCH :name/resume": ({ schedules }, { name }) => done(schedules.setPaused(name, false), "schedule", name),
  },
  flowControl: {
    GET: ({ exchange }) => [200, exchange.flows.list()],
    "GET :name": ({ exchange }, { name }) => [200, found(exchange.flows.get(name), "flow control", name)],
    "POST :name/pause": ({ exchange }, { name }) => {
      exchange.flows.setPaused(name, true);
      return [200];
    },
    "POST :name/resume": ({ exchange }, { name }) => {
      exchange.flows.setPaused(name, false);
      return [200];
    },
    "POST :name/resetRate": ({ exchange }, { name }) => {
      exchange.flows.resetRate(name);
      return [200];
    },
    "POST :name/pin": ({ exchange }, { name, query }) => {
      const [parallelism, rate, periodMs] = [
        positive(query, "parallelism"),
        positive(query, "rate"),
        parseDuration(query.get("period") ?? "1s"),
      ];
      if (!periodMs) throw new RequestError("period is not a duration");
      exchange.flows.pin(name, { periodMs, ...(parallelism ? { parallelism } : {}), ...(rate ? { rate } : {}) });
      return [200];
    },
    "POST :name/unpin": ({ exchange }, { name, query }) => {
      exchange.flows.unpin(name, {
        parallelism: query.get("parallelism") === "true",
        rate: query.get("rate") === "true",
      });
      return [200];
    },
  },
};

function events({ exchange }: Parts, { query }: Asked): Reply {
  const page = exchange.events.list(query);
  return [200, { ...page, logs: page.events }];
}

function publishedReply([published]: Published[]): Reply {
  const one = published as Published;
  return [one.deduplicated ? 202 : 201, publishedView(one)];
}

const publishedView = ({ messageId, url, deduplicated }: Published) => ({
  messageId,
  url,
  ...(deduplicated ? { deduplicated } : {}),
});

function found<T>(thing: T | undefined, kind: string, name: string): T {
  if (thing === undefined) throw new RequestError(`there is no ${kind} "${name}"`, 404);
  return thing;
}

function done(isDone: unknown, kind: string, name: string): Reply {
  if (!isDone) throw new RequestError(`there is no ${kind} "${name}"`, 404);
  return [200];
}

function positive(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^[1-9]\d*$/.test(text)) throw new RequestError(`${name} is not a number above 0`);
  return Number(text);
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new RequestError("the body is not JSON");
  }
}

function cut(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}
