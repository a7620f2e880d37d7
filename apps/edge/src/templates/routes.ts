import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import {
  AppError,
  BuiltInTexts,
  locales,
  PreviewTemplate,
  Template,
  TemplateId,
  TemplateInput,
  TemplateList,
  TemplatePreview,
  type TemplateTexts,
} from "@sandi/contracts";
import type { AppEnv } from "../http/app-env.ts";
import { authenticate, liveOnly } from "../http/auth.ts";
import { jsonBody, noBody } from "../http/body.ts";
import { repetitionOf } from "../http/idempotency.ts";
import { idempotent, ofRepeats } from "../http/idempotent.ts";
import { body, idempotencyHeader, json, ofBodies, problems, security } from "../http/openapi.ts";
import { builtIn } from "./built-in.ts";
import { createTemplate } from "./create-template.ts";
import { deleteTemplate } from "./delete-template.ts";
import { previewTemplate } from "./preview-template.ts";
import { replaceTemplate } from "./replace-template.ts";
import { findTemplate, findTemplates, toTemplate } from "./repository.ts";

const params = z.object({ id: TemplateId });
const read = authenticate("otp:send", "key:manage");
const write = authenticate("key:manage");
const shared = { tags: ["Templates"], security };
const example = {
  name: "Login",
  purpose: "login",
  texts: {
    en: "*{{company}}* login code\n\n*{{code}}*\n\nValid for {{minutes}} min. Do not share it with anyone.",
    id: "Kode masuk *{{company}}*\n\n*{{code}}*\n\nBerlaku {{minutes}} menit. Jangan bagikan kepada siapa pun.",
  },
};

export const templates = new OpenAPIHono<AppEnv>()
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/templates",
      operationId: "createTemplate",
      summary: "Create a template",
      description:
        "Your own words around the code, in one language or more. With a `purpose` it is used for every verification of that purpose; any other names it with `templateId`. Scope: `key:manage`.",
      middleware: [write, liveOnly, jsonBody()] as const,
      request: { headers: idempotencyHeader, body: body(TemplateInput, example) },
      responses: {
        201: json(Template, "Stored."),
        ...problems(...ofBodies, "template-exists", "template-limit-reached", "idempotency-key-reused"),
      },
    }),
    async (c) => {
      const repetition = await repetitionOf(c);
      const input = { input: c.req.valid("json"), repetition };
      const { resource, replayed } = await createTemplate(c.var.ctx, input);
      if (replayed) c.header("Idempotent-Replayed", "true");
      c.header("Location", `/v1/templates/${resource.id}`);
      return c.json(resource, 201);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/templates",
      operationId: "listTemplates",
      summary: "List templates",
      description: "Scope: `otp:send` or `key:manage`.",
      middleware: [read] as const,
      responses: { 200: json(TemplateList, "All templates, oldest first."), ...problems() },
    }),
    async (c) => {
      const found = await findTemplates(c.env.services.db, c.var.ctx.actor.workspaceId);
      return c.json({ templates: found.map(toTemplate) }, 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/templates/built-in",
      operationId: "getBuiltInTexts",
      summary: "The texts that Sandi brings",
      description:
        "What is sent where there is no template, in each language: a start for one of your own. Scope: `otp:send` or `key:manage`.",
      middleware: [read] as const,
      responses: { 200: json(BuiltInTexts, "By language."), ...problems() },
    }),
    (c) => {
      const texts: TemplateTexts = Object.fromEntries(locales.map((locale) => [locale, builtIn[locale].text]));
      return c.json({ texts }, 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "post",
      path: "/v1/templates/preview",
      operationId: "previewTemplate",
      summary: "See a text as it would be sent",
      description:
        "Of a stored template, of texts that are not stored yet, or of the built-in ones; with the code 123456. Nothing is sent or stored. Scope: `otp:send` or `key:manage`.",
      middleware: [read, jsonBody()] as const,
      request: {
        body: body(PreviewTemplate, {
          texts: example.texts,
          locale: "id",
          bind: { amount: "IDR 150,000", payee: "Toko Makmur" },
        }),
      },
      responses: {
        200: json(TemplatePreview, "The text, and what one may want otherwise."),
        ...problems(...ofBodies, "template-not-found"),
      },
    }),
    async (c) => c.json(await previewTemplate(c.var.ctx, c.req.valid("json")), 200),
  )
  .openapi(
    createRoute({
      ...shared,
      method: "get",
      path: "/v1/templates/{id}",
      operationId: "getTemplate",
      summary: "Look at a template",
      description: "Scope: `otp:send` or `key:manage`.",
      middleware: [read] as const,
      request: { params },
      responses: { 200: json(Template, "As it is now."), ...problems("template-not-found") },
    }),
    async (c) => {
      const found = await findTemplate(c.env.services.db, c.var.ctx.actor.workspaceId, c.req.valid("param").id);
      if (!found) throw new AppError("template-not-found");
      return c.json(toTemplate(found), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "put",
      path: "/v1/templates/{id}",
      operationId: "replaceTemplate",
      summary: "Replace a template",
      description:
        "Name, purpose and all texts at once; what is left out is gone. Codes sent from then on have the new text, within a minute everywhere. Scope: `key:manage`.",
      middleware: [write, liveOnly, jsonBody(), idempotent] as const,
      request: { params, headers: idempotencyHeader, body: body(TemplateInput, example) },
      responses: {
        200: json(Template, "Stored."),
        ...problems(...ofBodies, ...ofRepeats, "template-not-found", "template-exists"),
      },
    }),
    async (c) => {
      const input = { id: c.req.valid("param").id, input: c.req.valid("json") };
      return c.json(await replaceTemplate(c.var.ctx, input), 200);
    },
  )
  .openapi(
    createRoute({
      ...shared,
      method: "delete",
      path: "/v1/templates/{id}",
      operationId: "deleteTemplate",
      summary: "Delete a template",
      description: "Its purpose has the built-in text again, within a minute everywhere. Scope: `key:manage`.",
      middleware: [write, liveOnly, noBody, idempotent] as const,
      request: { params, headers: idempotencyHeader },
      responses: { 204: { description: "Deleted." }, ...problems(...ofBodies, ...ofRepeats, "template-not-found") },
    }),
    async (c) => {
      await deleteTemplate(c.var.ctx, c.req.valid("param").id);
      return c.body(null, 204);
    },
  );
