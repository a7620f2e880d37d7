import { jsonHeaders, type Provider } from "../provider.ts";

/** An incoming webhook of Slack, or of a service that takes the same. */
export interface SlackTarget {
  kind: "slack";
  url: string;
}

export const slack: Provider<SlackTarget> = {
  request: ({ url }, { message: { text } }) => ({
    url,
    headers: jsonHeaders,
    body: JSON.stringify({ text: escaped(text) }),
  }),
  labelOf: ({ url }) => `${new URL(url).origin}/…`,
  addressOf: ({ url }) => url,
  refusalOf({ text }) {
    const code = text.trim();
    return /^[a-z_]{1,64}$/.test(code) ? code : undefined;
  },
};

/** Slack wants these three characters escaped. */
const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
