import { ask, onSubmit } from "./ask.js";
import { bubbleOf, refresh, typingBubble } from "./bubble.js";
import { makeComposer } from "./composer.js";
import { drawDevices } from "./devices.js";
import { initialOf } from "./dom.js";
import { openMenu } from "./menu.js";
import { groupsOf, isStory, nameOf, names } from "./names.js";
import { drawLimits, lifted, lockedForAMinute } from "./limits.js";

const ringMs = 1600;
const template = document.getElementById("phone-template");

/** @type {Map<string, ReturnType<typeof makePhone>>} every phone by its number */
export const phones = new Map();

const path = (number, rest = "") => `/phones/${encodeURIComponent(number)}${rest}`;

export function makePhone(info) {
  const root = template.content.firstElementChild.cloneNode(true);
  const part = (selector) => root.querySelector(selector);
  const messages = new Map();
  const unread = new Set();
  let active;
  let ringing;

  const say = (text, isGood = false) => {
    part(".said").textContent = text;
    part(".said").classList.toggle("good", isGood);
  };
  const attempt = (job, done) => void trying(job, done);
  const trying = async (job, done) => {
    say("");
    try {
      await job();
      if (done) say(done, true);
    } catch (error) {
      say(error.message);
    }
  };

  const chats = () => [
    ...new Set([
      ...[...messages.values()].map((message) => message.chat),
      ...groupsOf(info.number).map((group) => group.id),
    ]),
  ];
  const act = (message) => attempt(() => ask("POST", path(info.number, "/messages"), message));
  const composer = makeComposer(part, { path: (rest) => path(info.number, rest), attempt, chat: () => active });
  const doing = {
    number: info.number,
    act,
    menu: (message, anchor) => openMenu(message, anchor, { act, ...composer }),
  };

  function drawChats() {
    const tabs = chats().map((chat) => {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.textContent = nameOf(chat);
      tab.dir = "auto";
      tab.title = chat;
      tab.classList.toggle("unread", unread.has(chat));
      tab.setAttribute("aria-pressed", String(chat === active));
      tab.addEventListener("click", () => open(chat));
      return tab;
    });
    const fresh = document.createElement("button");
    fresh.type = "button";
    fresh.textContent = "+";
    fresh.title = "New chat";
    fresh.setAttribute("aria-label", "New chat");
    fresh.setAttribute("aria-pressed", String(active === undefined));
    fresh.addEventListener("click", () => open(undefined));
    part(".chats").replaceChildren(...tabs, fresh);
    part(".to").hidden = active !== undefined;
    part(".composer").hidden = isStory(active);
  }

  function drawMessages() {
    const shown = [...messages.values()].filter((message) => message.chat === active);
    const bubbles = shown.map((message) => bubbleOf(message, doing));
    if (bubbles.length === 0) {
      const empty = document.createElement("p");
      empty.className = "empty";
      empty.textContent = active === undefined ? "Write to any number here." : "No messages yet.";
      bubbles.push(empty);
    }
    part(".messages").replaceChildren(...bubbles);
    toBottom();
  }

  function toBottom() {
    const list = part(".messages");
    list.scrollTop = list.scrollHeight;
  }

  function open(chat) {
    active = chat;
    unread.delete(chat);
    drawChats();
    drawMessages();
  }

  function ring(message) {
    part(".island-text").textContent = nameOf(message.chat);
    root.classList.remove("ringing");
    // Restarts the animation when messages come in quick succession.
    void root.offsetWidth;
    root.classList.add("ringing");
    clearTimeout(ringing);
    ringing = setTimeout(() => root.classList.remove("ringing"), ringMs);
  }

  const phone = {
    root,
    info,
    update(next) {
      phone.info = next;
      part(".name").textContent = next.name;
      part(".number").textContent = next.number;
      part(".avatar").textContent = initialOf(next.name);
      names.set(next.number, next.name);
      root.style.setProperty("--hue", String(Number(next.number.slice(-5)) % 360));
      root.setAttribute("aria-label", `${next.name}, ${next.number}`);
      root.classList.toggle("offline", !next.online);
      part(".online").checked = next.online;
      for (const radio of root.querySelectorAll(".receipts input")) radio.checked = radio.value === next.receipts;
      drawDevices(part(".devices"), next, attempt);
      drawLimits(part(".limits"), next);
      const link = part(".link");
      link.classList.toggle("called", next.awaitsPairingCode);
      part(".link summary").textContent = next.awaitsPairingCode ? "A device asks for its code" : "Link a device";
      if (next.awaitsPairingCode) link.open = true;
    },
    async load() {
      for (const message of await ask("GET", path(info.number, "/messages")))
        messages.set(`${message.chat} ${message.id}`, message);
      open([...messages.values()].at(-1)?.chat);
    },
    show(message, isNew) {
      const key = `${message.chat} ${message.id}`;
      const isKnown = messages.has(key);
      messages.set(key, message);
      part(".typing")?.remove();
      if (isNew && message.direction === "in") ring(message);
      if (!isKnown && message.chat !== active) {
        // A person who is typing stays in the open chat.
        if (part(".text").value !== "") {
          unread.add(message.chat);
          drawChats();
          return;
        }
        open(message.chat);
        part(".messages").lastElementChild?.classList.add("fresh");
        return;
      }
      const present = part(`.bubble[data-id="${CSS.escape(message.id)}"]`);
      if (present) {
        refresh(present, bubbleOf(message, doing));
        return;
      }
      part(".empty")?.remove();
      const bubble = bubbleOf(message, doing);
      if (isNew) bubble.classList.add("fresh");
      if (message.chat === active) part(".messages").append(bubble);
      toBottom();
    },
    remove(chat, id) {
      messages.delete(`${chat} ${id}`);
      if (chat === active) drawMessages();
    },
    typing(chat, isTyping) {
      part(".typing")?.remove();
      if (!isTyping || chat !== active) return;
      part(".messages").append(typingBubble());
      toBottom();
    },
    /** A group came, or has another name. */
    drawChats,
    showWaiting(waiting) {
      part(".link").classList.toggle("called", waiting > 0 || phone.info.awaitsPairingCode);
    },
  };

  const ids = `receipts-${info.number}`;
  for (const radio of root.querySelectorAll(".receipts input")) {
    radio.name = ids;
    radio.addEventListener("change", () => attempt(() => ask("PATCH", path(info.number), { receipts: radio.value })));
  }
  part(".online").addEventListener("change", ({ target }) =>
    attempt(() => ask("PATCH", path(info.number), { online: target.checked })),
  );
  part(".lock").addEventListener("click", () =>
    attempt(() => ask("PATCH", path(info.number), { limits: lockedForAMinute() })),
  );
  part(".lift").addEventListener("click", () => attempt(() => ask("PATCH", path(info.number), { limits: lifted })));
  const linkBy = (form, how) =>
    onSubmit(form, (input) =>
      trying(async () => {
        await ask("POST", path(info.number, how), input);
        form.reset();
      }, "Linked. The device logs in now."),
    );
  linkBy(part(".scan"), "/scan");
  part(".scan textarea").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    part(".scan").requestSubmit();
  });
  linkBy(part(".pairing"), "/pairing-code");
  phone.update(info);
  open(undefined);
  return phone;
}
