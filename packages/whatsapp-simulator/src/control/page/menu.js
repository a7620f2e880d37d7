import { make, makeButton } from "./dom.js";

const emojis = ["👍", "❤️", "😂", "😮", "😢", "🙏"];
let open;

/** What a person can do to a message: react, reply, edit, delete, pin, star. */
export function openMenu(message, anchor, { act, reply, edit }) {
  open?.remove();
  const { chat, id, direction, kind } = message;
  const isOwn = direction === "out";
  const then = (job) => () => {
    menu.remove();
    job();
  };
  const item = (text, job, className = "") => makeButton(`item ${className}`.trim(), "", then(job), text);
  const react = emojis.map((emoji) =>
    makeButton(
      "emoji",
      `React with ${emoji}`,
      then(() => act({ to: chat, reactTo: id, emoji })),
      emoji,
    ),
  );
  const canEdit = isOwn && (kind === "text" || message.caption !== undefined);
  const menu = make(
    "div",
    "menu",
    make("div", "emojis", ...react),
    item("Reply", () => reply(message)),
    ...(canEdit ? [item("Edit", () => edit(message))] : []),
    item(message.isPinned ? "Unpin" : "Pin", () => act({ to: chat, pin: id, isPinned: !message.isPinned })),
    item(message.isStarred ? "Unstar" : "Star", () => act({ to: chat, [message.isStarred ? "unstar" : "star"]: id })),
    item("Delete for me", () => act({ to: chat, deleteForMe: id }), "danger"),
    ...(isOwn ? [item("Delete for everyone", () => act({ to: chat, delete: id }), "danger")] : []),
  );
  menu.popover = "auto";
  menu.addEventListener("toggle", ({ newState }) => {
    if (newState === "closed") menu.remove();
  });
  document.body.append(menu);
  menu.showPopover();
  place(menu, anchor.getBoundingClientRect());
  menu.querySelector("button").focus();
  open = menu;
}

/** Beside the anchor, inside of the window. */
function place(menu, { left, right, bottom, top }) {
  const { width, height } = menu.getBoundingClientRect();
  const x = Math.min(Math.max(8, right - width), innerWidth - width - 8);
  const y = bottom + height + 8 < innerHeight ? bottom + 4 : top - height - 4;
  menu.style.left = `${Math.max(8, left < width ? Math.min(left, x + width) : x)}px`;
  menu.style.top = `${Math.max(8, y)}px`;
}
