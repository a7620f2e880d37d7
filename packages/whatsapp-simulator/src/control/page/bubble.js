import { hueOf, icon, make, makeButton } from "./dom.js";
import { mediaOf } from "./media.js";
import { hasAuthors, isStory, nameOf } from "./names.js";
import { hasOwnText, parts } from "./parts.js";
import { linesOf } from "./text.js";

const labels = {
  reply: "Tapped",
  interactive: "A message with buttons that this phone cannot show",
  revoked: "This message was deleted",
  other: "Something this phone cannot show",
};

/** A message as a bubble. Messages are strangers' text: everything becomes text nodes, nothing becomes markup. */
export function bubbleOf(message, doing) {
  const bubble = make("div", `bubble ${message.direction} of-${message.kind}`);
  bubble.dataset.id = message.id;
  bubble.dataset.status = message.status;
  const { kind, text, chat, direction } = message;
  if (hasAuthors(chat) && direction === "in") bubble.append(authorOf(message.from));
  if (message.forwarded) bubble.append(labelOf("Forwarded", "forwarded"));
  if (message.quoted) bubble.append(quoteOf(message.quoted));
  if (message.media) bubble.append(mediaOf(message, doing.number));
  if (labels[kind]) bubble.append(labelOf(labels[kind]));
  if (message.linkPreview) bubble.append(previewOf(message.linkPreview));
  if (text !== "" && !hasOwnText.has(kind)) bubble.append(...linesOf(text, message.mentions));
  bubble.append(...(parts[kind]?.(message, doing) ?? []), metaOf(message));
  if (message.reactions?.length > 0) bubble.append(reactionsOf(message, doing));
  if (message.background) bubble.style.background = message.background;
  if (kind !== "revoked" && !isStory(chat)) {
    const more = makeButton("more-actions", "What to do with this message", () => doing.menu(message, more), "⌄");
    bubble.append(more);
  }
  return bubble;
}

/** Shows what became of a message; a file that plays goes on. */
export function refresh(present, fresh) {
  const [kept, slot] = [present, fresh].map((bubble) => bubble.querySelector(":scope > .media"));
  if (!kept || !slot) {
    present.replaceWith(fresh);
    return;
  }
  present.className = fresh.className;
  present.dataset.status = fresh.dataset.status;
  const all = [...fresh.children];
  for (const child of Array.from(present.children)) if (child !== kept) child.remove();
  kept.before(...all.slice(0, all.indexOf(slot)));
  kept.after(...all.slice(all.indexOf(slot) + 1));
}

function labelOf(text, more = "") {
  return make("div", `kind ${more}`.trim(), text);
}

function authorOf(number) {
  const author = make("div", "author", nameOf(number));
  author.dir = "auto";
  author.title = number;
  author.style.setProperty("--hue", String(hueOf(nameOf(number))));
  return author;
}

function quoteOf({ id, from, text }) {
  const name = from === null ? "" : nameOf(from);
  const quote = makeButton(
    "quote",
    "Go to the message that this replies to",
    () => {
      const original = quote.closest(".messages")?.querySelector(`.bubble[data-id="${CSS.escape(id)}"]`);
      original?.scrollIntoView({ block: "center", behavior: "smooth" });
      original?.animate([{ filter: "brightness(0.85)" }, {}], 900);
    },
    make("span", "name", name),
    make("span", "said-before", text || "…"),
  );
  quote.style.setProperty("--hue", String(hueOf(name)));
  return quote;
}

function previewOf({ url, title, description, thumbnail }) {
  const lines = [make("span", "title", title), ...(description ? [make("span", "detail", description)] : [])];
  const picture = thumbnail ? [make("img")] : [];
  for (const img of picture) {
    img.src = `data:image/jpeg;base64,${thumbnail}`;
    img.alt = "";
  }
  return make("div", "card preview", ...picture, make("div", "about", ...lines, make("span", "detail", url)));
}

function reactionsOf({ reactions, id, chat }, { act, number }) {
  const counts = Map.groupBy(reactions, ({ emoji }) => emoji);
  const chips = [...counts].map(([emoji, all]) => {
    const isMine = all.some(({ from }) => from === number);
    const take = () => act({ to: chat, reactTo: id, emoji: isMine ? "" : emoji });
    const chip = makeButton(
      "reaction",
      `${emoji} ${all.length}`,
      take,
      emoji,
      all.length > 1 ? String(all.length) : "",
    );
    chip.setAttribute("aria-pressed", String(isMine));
    chip.title = all.map(({ from }) => nameOf(from)).join(", ");
    return chip;
  });
  return make("div", "reactions", ...chips);
}

export function typingBubble() {
  return make("div", "bubble in typing", make("i"), make("i"), make("i"));
}

function metaOf(message) {
  const time = make("time", "", new Date(message.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = message.at;
  const meta = make("div", "meta");
  if (message.isPinned)
    meta.append(
      icon("pinned", "0 0 24 24", [
        "M14.5 3 21 9.5l-3.2.9-3.6 3.6-.6 4.3-2.9-2.9L5 21l-2-2 5.6-5.7-2.9-2.9 4.3-.6 3.6-3.6z",
      ]),
    );
  if (message.isStarred)
    meta.append(
      icon("starred", "0 0 24 24", ["M12 3l2.7 6 6.3.6-4.8 4.2 1.4 6.2-5.6-3.3L6.4 20l1.4-6.2L3 9.6 9.3 9z"]),
    );
  if (message.editedAt) meta.append(make("span", "", "edited"));
  if (message.encryption !== "none") meta.append(lockOf(message.encryption));
  meta.append(time);
  if (message.direction === "out") meta.append(ticksOf(message));
  return meta;
}

const lockTitles = {
  pkmsg: "End-to-end encrypted; opened a Signal session",
  msg: "End-to-end encrypted, in an open Signal session",
  skmsg: "End-to-end encrypted with the key of the group",
};

function lockOf(encryption) {
  const lock = icon("lock", "0 0 10 12", [
    "M2 5V3.6a3 3 0 0 1 6 0V5h.6c.5 0 .9.4.9.9v4.7c0 .5-.4.9-.9.9H1.4c-.5 0-.9-.4-.9-.9V5.9c0-.5.4-.9.9-.9zm1.3 0h3.4V3.6a1.7 1.7 0 0 0-3.4 0z",
  ]);
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = lockTitles[encryption];
  lock.prepend(title);
  return lock;
}

function ticksOf({ status, receipts = [] }) {
  const ticks = icon("ticks", "0 0 18 12", ["M1.5 6.5 5 10 12 2.5", "first"], ["M8.6 9.2 9.4 10 16.4 2.5", "second"]);
  ticks.removeAttribute("aria-hidden");
  ticks.setAttribute("role", "img");
  const each = receipts.map(({ from, status: reached }) => `${nameOf(from)}: ${reached}`).join(", ");
  ticks.setAttribute("aria-label", each ? `${status} (${each})` : status);
  return ticks;
}
