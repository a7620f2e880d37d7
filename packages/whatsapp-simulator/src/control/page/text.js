import { make } from "./dom.js";
import { nameOf } from "./names.js";

const codePattern = /(?<![\d.,:/+-])(\d{3}[- ]\d{3}|\d{4,8})(?![\d.,:/-]*\d)/;
const boldPattern = /\*([^*\n]+)\*/;

/** The lines of a text. Each runs in the direction of its own first letter, whatever the others do. */
export function linesOf(text, mentions) {
  return text.split("\n").map((line) => {
    const element = make("div", "line");
    element.dir = "auto";
    element.append(...(line === "" ? [document.createElement("br")] : pieces(line, mentions)));
    return element;
  });
}

/** Codes become chips, *bold* becomes bold, numbers of people that are named become their names. */
function pieces(text, mentions) {
  const bold = boldPattern.exec(text);
  if (bold) return around(text, bold, (inner) => make("strong", "", ...pieces(inner, mentions)), mentions, bold[1]);
  const named = Array.isArray(mentions) ? mentions.find((number) => text.includes(`@${number.slice(1)}`)) : undefined;
  if (named !== undefined) {
    const found = { 0: `@${named.slice(1)}`, index: text.indexOf(`@${named.slice(1)}`) };
    return around(text, found, () => make("span", "mention", `@${nameOf(named)}`), mentions);
  }
  const code = codePattern.exec(text);
  if (code) return around(text, code, chipOf, mentions);
  return text === "" ? [] : [document.createTextNode(text)];
}

function around(text, { 0: whole, index }, elementOf, mentions, inner = whole) {
  return [
    ...pieces(text.slice(0, index), mentions),
    elementOf(inner),
    ...pieces(text.slice(index + whole.length), mentions),
  ];
}

function chipOf(code) {
  const chip = make("span", "code", code);
  // Digits and dashes keep their order in a line that runs from right to left.
  chip.dir = "ltr";
  chip.title = "Click to copy";
  chip.addEventListener("click", () => {
    void navigator.clipboard?.writeText(code);
    chip.classList.add("copied");
    setTimeout(() => chip.classList.remove("copied"), 800);
  });
  return chip;
}
