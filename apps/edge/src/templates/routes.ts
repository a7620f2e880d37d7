import { z } from "zod";
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
} from "@sandi/contracts";
import type { Feature } from "../feature.ts";
import { created, noContent, ok } from "../http/answers.ts";
import { operation } from "../http/operation.ts";
import { builtIn } from "./built-in.ts";
import { createTemplate } from "./create-template.ts";
import { deleteTemplate } from "./delete-template.ts";
import { previewTemplate } from "./preview-template.ts";
import { replaceTemplate } from "./replace-template.ts";
import { findTemplate, findTemplates, toTemplate } from "./repository.ts";

const byId = z.object({ id: TemplateId });
const example = {
  name: "Login",
  purpose: "login",
  texts: {
    en: "*{{company}}* login code\n\n*{{code}}*\n\nValid for {{minutes}} min. Do not share it with anyone.",
    id: "Kode masuk *{{company}}*\n\n*{{code}}*\n\nBerlaku {{minutes}} menit. Jangan bagikan kepada siapa pun.",
  },
};

export const templates: Feature = {
  tag: { name: "Templates", description: "Your own texts around the code." },
  notFound: "template-not-found",
  operations: [
    operation({
      id: "createTemplate",
      method: "post",
      path: "/v1/templates",
      scope: "key:manage",
      live: true,
      idempotent: "create",
      summary: "Create a template",
      description:
        "Your own text around the code, in one or more languages. With a `purpose`, the template is used for every verification with that purpose. Other verifications name it with `templateId`.",
      body: { schema: TemplateInput, example },
      answers: created(Template, "Stored."),
      throws: ["template-exists", "template-limit-reached"],
      handle: (ctx, { body, idempotencyKey }) => createTemplate(ctx, { input: body, idempotencyKey }),
    }),
    operation({
      id: "listTemplates",
      method: "get",
      path: "/v1/templates",
      scope: ["otp:send", "key:manage"],
      summary: "List templates",
      description: "All templates, oldest first.",
      answers: ok(TemplateList, "All templates, oldest first."),
      handle: async ({ services, actor }) => {
        const rows = await findTemplates(services.db, actor.workspaceId);
        return { templates: rows.map(toTemplate) };
      },
    }),
    operation({
      id: "getBuiltInTexts",
      method: "get",
      path: "/v1/templates/built-in",
      scope: ["otp:send", "key:manage"],
      summary: "Get the built-in texts",
      description: "The texts that are sent without a template, in each language. Use them as a start for your own.",
      answers: ok(BuiltInTexts, "The texts by language."),
      handle: () => ({ texts: Object.fromEntries(locales.map((locale) => [locale, builtIn[locale].text])) }),
    }),
    operation({
      id: "previewTemplate",
      method: "post",
      path: "/v1/templates/preview",
      scope: ["otp:send", "key:manage"],
      idempotent: "none",
      summary: "Preview a text",
      description:
        "Shows the text of a stored template, of texts that are not stored yet, or the built-in text, with the code 123456. Nothing is sent or stored.",
      body: {
        schema: PreviewTemplate,
        example: {
          texts: example.texts,
          locale: "id",
          bind: { amount: "IDR 150,000", payee: "Toko Makmur" },
        },
      },
      answers: ok(TemplatePreview, "The text and its warnings."),
      throws: ["template-not-found"],
      handle: (ctx, { body }) => previewTemplate(ctx, body),
    }),
    operation({
      id: "getTemplate",
      method: "get",
      path: "/v1/templates/{id}",
      scope: ["otp:send", "key:manage"],
      summary: "Get a template",
      description: "Its name, its purpose and its text in each language.",
      params: byId,
      answers: ok(Template, "The template."),
      handle: async ({ services, actor }, { params }) => {
        const row = await findTemplate(services.db, actor.workspaceId, params.id);
        if (!row) throw new AppError("template-not-found");
        return toTemplate(row);
      },
    }),
    operation({
      id: "replaceTemplate",
      method: "put",
      path: "/v1/templates/{id}",
      scope: "key:manage",
      live: true,
      idempotent: "change",
      summary: "Replace a template",
      description:
        "Replaces name, purpose and all texts. Languages that are left out are removed. The new text is effective everywhere within a minute.",
      params: byId,
      body: { schema: TemplateInput, example },
      answers: ok(Template, "Stored."),
      throws: ["template-exists"],
      handle: (ctx, { params, body }) => replaceTemplate(ctx, { id: params.id, input: body }),
    }),
    operation({
      id: "deleteTemplate",
      method: "delete",
      path: "/v1/templates/{id}",
      scope: "key:manage",
      live: true,
      idempotent: "change",
      summary: "Delete a template",
      description: "Its purpose then uses the built-in text, everywhere within a minute.",
      params: byId,
      answers: noContent("Deleted."),
      handle: (ctx, { params }) => deleteTemplate(ctx, params.id),
    }),
  ],
};
