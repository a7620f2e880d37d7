import { AppError, mediaContentPath, MediaId } from "@sandi/contracts";
import { Hono } from "hono";
import type { AppEnv } from "../http/app-env.ts";
import { requireServiceToken } from "../http/service-auth.ts";
import { answerContent } from "./content.ts";
import { findForConnector } from "./repository.ts";

/** The routes for connectors. */
export const internalRoutes = new Hono<AppEnv>().get(mediaContentPath(":id"), async (c) => {
  await requireServiceToken(c, () => "");
  const { services } = c.env;
  const id = MediaId.safeParse(c.req.param("id")).data;
  const row = id && (await findForConnector(services.db, { id, at: services.now().getTime() }));
  if (!row) throw new AppError("media-not-found");
  return answerContent(services, row, { range: c.req.header("range") });
});
