import { AppError, type CreateVerification, type Locale } from "@sandi/contracts";
import type { Context } from "../context.ts";
import { templatesOf } from "./cache.ts";
import { localeOf } from "./locales.ts";
import { renderText } from "./render.ts";
import type { StoredTemplate } from "./repository.ts";

interface TextRequest {
  body: Pick<CreateVerification, "templateId" | "locale" | "companyName" | "purpose" | "bind">;
  /** The number's, ISO 3166-1 alpha-2, or empty. */
  country: string;
}

interface Chosen {
  /** Only `codePlaceholder` and `minutesPlaceholder` are left to fill in. */
  text: string;
  locale: Locale;
  /** Empty when the text is a built-in one. */
  templateId: string;
}

/** The text of a verification, mostly without a look into the database. */
export async function textFor(ctx: Context, { body, country }: TextRequest): Promise<Chosen> {
  const { actor } = ctx;
  const template = chooseTemplate(await templatesOf(ctx, body.templateId), body);
  const locale = localeOf({
    requested: body.locale,
    policyLocale: actor.policy.locale,
    country,
    available: template && localesOf(template),
  });
  const text = renderText({
    text: template?.texts[locale],
    locale,
    companyName: body.companyName ?? actor.policy.companyName ?? actor.workspaceName,
    purpose: body.purpose,
    bind: body.bind,
  });
  return { text, locale, templateId: template?.id ?? "" };
}

/** The one that is asked for, else the default of the purpose; none: the built-in text. */
export function chooseTemplate(
  templates: readonly StoredTemplate[],
  { templateId, purpose }: Pick<CreateVerification, "templateId" | "purpose">,
): StoredTemplate | undefined {
  if (templateId === undefined) return templates.find((each) => each.purpose === purpose);
  const found = templates.find((each) => each.id === templateId);
  if (!found) {
    const errors = [{ pointer: "/templateId", message: "is not a template of this workspace" }];
    throw new AppError("template-not-found", { errors });
  }
  return found;
}

export const localesOf = ({ texts }: Pick<StoredTemplate, "texts">) => Object.keys(texts) as Locale[];
