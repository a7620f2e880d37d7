// Messages are strangers' text: everything here becomes text nodes, nothing becomes markup.
const codePattern = /(?<![\d.,:/+-])(\d{3}[- ]\d{3}|\d{4,8})(?![\d.,:/-]*\d)/;
const boldPattern = /\*([^*\n]+)\*/;
const svg = "http://www.w3.org/2000/svg";

const kindNames = {
  image: "Photo",
  video: "Video",
  voice: "Voice message",
  audio: "Audio",
  document: "Document",
  sticker: "Sticker",
  location: "Location",
  contact: "Contact",
  reaction: "Reacted",
  poll: "Poll",
  interactive: "Interactive message",
  revoked: "This message was deleted",
  other: "Something this phone cannot show",
};

export function bubbleOf(message) {
  const bubble = document.createElement("div");
  bubble.className = `bubble ${message.direction}`;
  bubble.dataset.id = message.id;
  bubble.dataset.status = message.status;
  if (message.forwarded) bubble.append(labelOf("Forwarded"));
  if (message.kind !== "text") bubble.append(labelOf(kindNames[message.kind] ?? message.kind));
  if (message.text !== "") bubble.append(...message.text.split("\n").map(lineOf));
  bubble.append(metaOf(message));
  return bubble;
}

function labelOf(text) {
  const label = document.createElement("div");
  label.className = "kind";
  label.textContent = text;
  return label;
}

/** Each line runs in the direction of its own first letter, whatever the others do. */
function lineOf(text) {
  const line = document.createElement("div");
  line.className = "line";
  line.dir = "auto";
  line.append(...(text === "" ? [document.createElement("br")] : pieces(text)));
  return line;
}

export function typingBubble() {
  const bubble = document.createElement("div");
  bubble.className = "bubble in typing";
  bubble.append(...["i", "i", "i"].map((tag) => document.createElement(tag)));
  return bubble;
}

/** Codes become chips, *bold* becomes bold. */
function pieces(text) {
  const bold = boldPattern.exec(text);
  if (bold) {
    const strong = document.createElement("strong");
    strong.append(...pieces(bold[1]));
    return [...pieces(text.slice(0, bold.index)), strong, ...pieces(text.slice(bold.index + bold[0].length))];
  }
  const code = codePattern.exec(text);
  if (!code) return text === "" ? [] : [document.createTextNode(text)];
  return [
    document.createTextNode(text.slice(0, code.index)),
    chipOf(code[0]),
    ...pieces(text.slice(code.index + code[0].length)),
  ];
}

function chipOf(code) {
  const chip = document.createElement("span");
  chip.className = "code";
  // Digits and dashes keep their order in a line that runs from right to left.
  chip.dir = "ltr";
  chip.textContent = code;
  chip.title = "Click to copy";
  chip.addEventListener("click", () => {
    void navigator.clipboard?.writeText(code);
    chip.classList.add("copied");
    setTimeout(() => chip.classList.remove("copied"), 800);
  });
  return chip;
}

function metaOf(message) {
  const meta = document.createElement("div");
  meta.className = "meta";
  const time = document.createElement("time");
  time.dateTime = message.at;
  time.textContent = new Date(message.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (message.encryption !== "none") meta.append(lockOf(message.encryption));
  meta.append(time);
  if (message.direction === "out") meta.append(ticksOf(message.status));
  return meta;
}

function lockOf(encryption) {
  const lock = document.createElementNS(svg, "svg");
  const title = document.createElementNS(svg, "title");
  const shape = document.createElementNS(svg, "path");
  lock.setAttribute("viewBox", "0 0 10 12");
  lock.setAttribute("class", "lock");
  title.textContent =
    encryption === "pkmsg"
      ? "End-to-end encrypted; opened a Signal session"
      : "End-to-end encrypted, in an open Signal session";
  shape.setAttribute(
    "d",
    "M2 5V3.6a3 3 0 0 1 6 0V5h.6c.5 0 .9.4.9.9v4.7c0 .5-.4.9-.9.9H1.4c-.5 0-.9-.4-.9-.9V5.9c0-.5.4-.9.9-.9zm1.3 0h3.4V3.6a1.7 1.7 0 0 0-3.4 0z",
  );
  lock.append(title, shape);
  return lock;
}

function ticksOf(status) {
  const ticks = document.createElementNS(svg, "svg");
  ticks.setAttribute("viewBox", "0 0 18 12");
  ticks.setAttribute("class", "ticks");
  ticks.setAttribute("role", "img");
  ticks.setAttribute("aria-label", status);
  for (const [d, name] of [
    ["M1.5 6.5 5 10 12 2.5", "first"],
    ["M8.6 9.2 9.4 10 16.4 2.5", "second"],
  ]) {
    const stroke = document.createElementNS(svg, "path");
    stroke.setAttribute("d", d);
    stroke.setAttribute("class", name);
    ticks.append(stroke);
  }
  return ticks;
}
