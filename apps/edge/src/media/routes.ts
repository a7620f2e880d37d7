import { z } from "@hono/zod-openapi";
import { AppError, Media, MediaId, maxMediaBytes, ReadMediaContent, UploadMedia } from "@sandi/contracts";
import { createMiddleware } from "hono/factory";
import type { Feature } from "../feature.ts";
import { created, noContent, ok } from "../http/answers.ts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate } from "../http/authenticate.ts";
import { lengthOf } from "../http/body.ts";
import { openOperation, operation } from "../http/operation.ts";
import { mediaLimit } from "../rate-limits/named.ts";
import { answerContent } from "./content.ts";
import { deleteMedia } from "./delete-media.ts";
import { internalRoutes } from "./internal.ts";
import { isLinkTo, toMedia, withLink } from "./links.ts";
import { findLinked, findSeen } from "./repository.ts";
import { withFile } from "./request.ts";
import { sweepMedia } from "./sweeps.ts";
import { uploadMedia } from "./upload-media.ts";

const byId = z.object({ id: MediaId });
const readScopes = ["message:read", "message:send"] as const;
const file = { type: "string", format: "binary", maxLength: maxMediaBytes, description: "The file." };

/** Allows a signed link in place of an API key. */
const keyOrLink = createMiddleware<AppEnv>(async (c, next) => {
  const signature = c.req.query("signature");
  if (signature === undefined) return authenticate(readScopes, () => [])(c, next);
  if (!(await isLinkTo(c.env.services, c.req.param("id") ?? "", signature))) {
    throw new AppError("link-invalid", { detail: "Read the media again for a new link." });
  }
  await next();
});

export const media: Feature = {
  tag: { name: "Media", description: "Files of messages: images, videos, audio and documents." },
  notFound: "media-not-found",
  operations: [
    operation({
      id: "uploadMedia",
      method: "post",
      path: "/v1/media",
      scope: "message:send",
      idempotent: "create",
      summary: "Upload a file",
      description:
        "Stores a file for later messages: the field `file` of a form, or the body itself with its `Content-Type` and a file name in `Content-Disposition`. It is stored encrypted. The first bytes must be of the type that an image, video or audio says to be. Images, videos and audio have at most 50 MB, voice notes 16 MB, stickers 5 MB, documents 95 MiB; the policy can lower this. An upload that no message uses is deleted after 24 hours.",
      query: UploadMedia,
      upload: {
        "multipart/form-data": {
          schema: { type: "object", properties: { file }, required: ["file"], additionalProperties: false },
        },
        "application/octet-stream": { schema: file },
      },
      answers: created(Media, "Stored."),
      throws: ["payload-too-large", "media-unavailable"],
      limits: (actor, headers) => [mediaLimit(actor, lengthOf(headers))],
      handle: (ctx, { query: { kind }, idempotencyKey }, c) =>
        withFile(c.req.raw, { kind, policy: ctx.actor.policy }, (incoming) =>
          uploadMedia(ctx, incoming, idempotencyKey),
        ),
    }),
    operation({
      id: "getMedia",
      method: "get",
      path: "/v1/media/{id}",
      scope: readScopes,
      summary: "Get a file's data",
      description:
        "Its type, size, hash and name, and a link to it for 24 hours. Keys without `message:read` see their own uploads only.",
      params: byId,
      answers: ok(Media, "The file's data."),
      handle: async ({ services, actor }, { params }) => {
        const row = await findSeen(services.db, actor, { id: params.id, at: services.now().getTime() });
        if (!row) throw new AppError("media-not-found");
        return withLink(services, toMedia(row));
      },
    }),
    openOperation({
      id: "getMediaContent",
      method: "get",
      path: "/v1/media/{id}/content",
      summary: "Get a file",
      description:
        "The file itself, or one `Range` of it. With an API key, or without one by the signed `url` of the file's data. Keys without `message:read` get their own uploads only. Scope: `message:read` or `message:send`.",
      params: byId,
      query: ReadMediaContent,
      guard: { scheme: "apiKey", check: keyOrLink },
      answers: {
        status: 200,
        description: "The file, with its type.",
        content: { "*/*": { schema: z.string().max(maxMediaBytes).meta({ format: "binary" }) } },
        headers: ["Accept-Ranges", "Content-Disposition", "Content-Length", "Content-Range", "ETag"],
        others: { 206: "The range.", 304: "The reader has the file: `If-None-Match` has its `ETag`." },
        render: (answer: Response) => answer,
      },
      throws: ["link-invalid", "range-not-satisfiable", "media-unavailable"],
      handle: async (services, { params }, c) => {
        const which = { id: params.id, at: services.now().getTime() };
        const ctx = c.get("ctx");
        const row = await (ctx ? findSeen(services.db, ctx.actor, which) : findLinked(services.db, which));
        if (!row) throw new AppError("media-not-found");
        c.set("contentSecurityPolicy", "default-src 'none'; frame-ancestors 'none'; sandbox");
        const answer = await answerContent(services, row, {
          range: c.req.header("range"),
          ifNoneMatch: c.req.header("if-none-match"),
        });
        answer.headers.set("Cache-Control", "private, no-cache");
        // A page of another site may show the file of a link.
        answer.headers.set("Cross-Origin-Resource-Policy", "cross-origin");
        return answer;
      },
    }),
    operation({
      id: "deleteMedia",
      method: "delete",
      path: "/v1/media/{id}",
      scope: "message:send",
      idempotent: "change",
      summary: "Delete a file",
      description:
        "Deletes the file now. A message that was not sent yet then fails. Keys without `message:read` delete their own uploads only.",
      params: byId,
      answers: noContent("Deleted."),
      handle: (ctx, { params }) => deleteMedia(ctx, params.id),
    }),
  ],
  routes: internalRoutes,
  sweeps: sweepMedia,
};
