import { z } from "zod";

const mostHeaders = 10;
const nameForm = /^[!#$%&'*+.^_`|~0-9a-z-]{1,64}$/;
/** Visible ASCII and single spaces inside: a header takes no more. */
const valueForm = /^[!-~](?:[ -~]{0,1022}[!-~])?$/;

/** Headers that belong to one connection, that describe the body, or that Sandi sets itself. */
const reserved =
  /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|host|date|user-agent|content-.*|webhook-.*|cf-.*)$/;

function faultOf(name: string): string | undefined {
  if (!nameForm.test(name)) return "must be the name of a header";
  return reserved.test(name) ? "is a header that Sandi or the connection sets" : undefined;
}

/** Headers of every request to a webhook, by their names in small letters. */
export const WebhookHeaders = z
  .record(
    z.string().max(64),
    z.string().regex(valueForm, "must be 1 to 1,024 visible ASCII characters, with spaces only inside"),
  )
  .superRefine((headers, ctx) => {
    const names = Object.keys(headers).map((name) => name.toLowerCase());
    if (names.length > mostHeaders) ctx.addIssue({ code: "custom", message: `must be at most ${mostHeaders} headers` });
    for (const [i, name] of names.entries()) {
      const fault = names.indexOf(name) === i ? faultOf(name) : "is there twice";
      if (fault) ctx.addIssue({ code: "custom", path: [Object.keys(headers)[i] ?? name], message: fault });
    }
  })
  .overwrite((headers) =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
  )
  .meta({
    description:
      "Headers that every request has, such as `authorization`: at most 10. The values are sealed and never shown again. Not possible: headers of the connection, `host`, `date`, `user-agent`, `content-…`, `webhook-…`, `cf-…`.",
    example: { authorization: "Bearer a-token-of-yours" },
  });
