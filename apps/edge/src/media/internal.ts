import {
  AppError,
  InboundMedia,
  inboundMediaText,
  mediaContentPath,
  MediaId,
  mediaPath,
  readInboundMediaHeaders,
} from "@sandi/contracts";
import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { requireServiceToken } from "../http/service-auth.ts";
import { parseBody } from "../http/validation.ts";
import { answerContent } from "./content.ts";
import { findForConnector } from "./repository.ts";
import { readOn } from "./request.ts";
import { readAll } from "./sealed-object.ts";
import { storeInbound } from "./store-inbound.ts";

/** The routes for connectors. They are not part of the public API. */
export const internalRoutes = new Hono<AppEnv>()
  .get(mediaContentPath(":id"), async (c) => {
    await requireServiceToken(c, () => "");
    const { services } = c.env;
    const id = MediaId.safeParse(c.req.param("id")).data;
    const row = id && (await findForConnector(services.db, { id, at: services.now().getTime() }));
    if (!row) throw new AppError("media-not-found");
    return answerContent(services, row, { range: c.req.header("range") });
  })
  .post(mediaPath, async (c) => {
    let announced: InboundMedia | undefined;
    await requireServiceToken(c, () => inboundMediaText((announced = readHeaders(c.req.raw.headers))));
    const { body } = c.req.raw;
    if (!announced || !body) throw new AppError("invalid-request", { detail: "The body is empty." });
    const bytes = readAll(body);
    try {
      return c.json(await storeInbound(c.env.services, announced, bytes));
    } finally {
      await readOn(bytes);
    }
  });

function readHeaders(headers: Headers): InboundMedia {
  try {
    return parseBody(InboundMedia, readInboundMediaHeaders(headers), "header");
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new AppError("invalid-request", { detail: "The file's name is not percent-encoded.", cause: error });
  }
}
