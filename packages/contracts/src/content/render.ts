import { z } from "zod";

/** How options are shown: as WhatsApp's own buttons, or as a numbered text. */
export const render = {
  content: z.enum(["auto", "native", "text"]).default("auto").meta({
    description:
      "`text` writes the options as a numbered list, which every client shows: a number or the words of an option choose it. `native` sends WhatsApp's own buttons, which some clients do not show. `auto` is `text` today.",
  }),
  /** What is rendered. */
  sealed: z.enum(["native", "text"]),
};

/** Decides how options are shown; other content stays as it is. */
export const rendered = <Content extends object>(content: Content) =>
  "render" in content ? { ...content, render: content.render === "native" ? "native" : "text" } : content;

/** Lines that clients show in full. */
export const optionText = (max: number) => z.string().trim().min(1).max(max);
export const optionId = z.string().min(1).max(256).meta({ description: "Your name for it. A reply brings it back." });
export const bodyText = z.string().min(1).max(4096);
