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
  tag: { name: "Templates", description: "Your own words around the code." },
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
        "Your own words around the code, in one language or more. With a `purpose` it is used for every verification of that purpose; any other names it with `templateId`.",
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
      description: "All of them, oldest first.",
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
      summary: "The texts that Sandi brings",
      description: "What is sent where there is no template, in each language: a start for one of your own.",
      answers: ok(BuiltInTexts, "By language."),
      handle: () => ({ texts: Object.fromEntries(locales.map((locale) => [locale, builtIn[locale].text])) }),
    }),
    operation({
      id: "previewTemplate",
      method: "post",
      path: "/v1/templates/preview",
      scope: ["otp:send", "key:manage"],
      idempotent: "none",
      summary: "See a text as it would be sent",
      description:
        "Of a stored template, of texts that are not stored yet, or of the built-in ones; with the code 123456. Nothing is sent or stored.",
      body: {
        schema: PreviewTemplate,
        example: {
          texts: example.texts,
          locale: "id",
          bind: { amount: "IDR 150,000", payee: "Toko Makmur" },
        },
      },
      answers: ok(TemplatePreview, "The text, and what one may want otherwise."),
      throws: ["template-not-found"],
      handle: (ctx, { body }) => previewTemplate(ctx, body),
    }),
    operation({
      id: "getTemplate",
      method: "get",
      path: "/v1/templates/{id}",
      scope: ["otp:send", "key:manage"],
      summary: "Look at a template",
      description: "Its name, its purpose and its text in each language.",
      params: byId,
      answers: ok(Template, "As it is now."),
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
        "Name, purpose and all texts at once; what is left out is gone. Codes sent from then on have the new text, within a minute everywhere.",
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
      description: "Its purpose has the built-in text again, within a minute everywhere.",
      params: byId,
      answers: noContent("Deleted."),
      handle: (ctx, { params }) => deleteTemplate(ctx, params.id),
    }),
  ],
};
