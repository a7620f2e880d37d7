import { SimulatorError } from "../errors.ts";

const textAtMost = 10_000;

/** The recipient and the text of a `https://wa.me/<digits>?text=…` link; refuses every other link. */
export function readChatLink(link: string): { to: string; text: string } {
  const url = URL.canParse(link) ? new URL(link) : undefined;
  if (url?.protocol !== "https:" || url.host !== "wa.me" || url.username !== "" || url.password !== "") {
    throw refusal("expected https://wa.me/<digits>?text=<text>");
  }
  const to = /^\/([1-9]\d{5,14})$/.exec(url.pathname)?.[1];
  if (to === undefined) throw refusal("after https://wa.me/ comes a phone number, in digits alone");
  const text = url.searchParams.get("text")?.trim() ?? "";
  if (text === "") throw refusal("the link brings no text along");
  if (text.length > textAtMost) throw refusal(`the text has more than ${textAtMost} characters`);
  return { to, text };
}

function refusal(detail: string): SimulatorError {
  return new SimulatorError("invalid_link", detail, { field: "link" });
}
