import type { ReceivedContent } from "./kind.ts";

const mostWords = 200;
/** More is not looked at: somebody may write a long text of few words. */
const mostCharacters = 20_000;

const segmenter = new Intl.Segmenter("und", { granularity: "word" });
/** Invisible characters, and the vowel signs and stretching of Arabic, which people leave out as they like. */
const unwritten = /\p{Cf}|\u0640|[\u064b-\u065f]|\u0670/gu;
/** Marks inside a word, as in `invoice_7.pdf`: each part is a word. */
const joints = /[._:'’·]/g;

/** A dictionary cuts the same Chinese characters in another way in another sentence, so each one is a word. */
const han = /\p{Script=Han}/gu;

/**
 * The distinct words of texts, as they are compared: without case and differences of width. Languages without spaces are
 * cut by a dictionary.
 */
export function wordsIn(texts: readonly string[]): string[] {
  const words = new Set<string>();
  const plain = texts.join("\n").slice(0, mostCharacters).normalize("NFKC").toLowerCase();
  for (const { segment, isWordLike } of segmenter.segment(plain.replaceAll(unwritten, "").replaceAll(joints, " "))) {
    if (!isWordLike) continue;
    for (const word of segment.match(han) ?? [segment]) words.add(word);
    if (words.size >= mostWords) break;
  }
  return [...words].slice(0, mostWords);
}

/** What people read of a message. */
export function textsOf(content: ReceivedContent | { type: "undecryptable" }): string[] {
  const texts = (() => {
    switch (content.type) {
      case "text":
        return [content.text, ...previewOf(content)];
      case "location":
        return [content.name, content.address];
      case "contacts":
        return content.contacts.flatMap(({ name, organization }) => [name, organization]);
      case "poll":
        return [content.question, ...content.options];
      case "event":
        return [content.name, content.description, content.location?.name, content.location?.address];
      case "buttons":
        return [content.text, content.footer, ...content.buttons.map(({ text }) => text)];
      case "list":
        return [
          content.text,
          content.buttonText,
          content.footer,
          ...content.sections.flatMap(({ title, rows }) => [
            title,
            ...rows.flatMap((row) => [row.title, row.description]),
          ]),
        ];
      case "reply":
        return [content.text];
      case "unsupported":
      case "undecryptable":
        return [];
      default:
        return [
          "caption" in content ? content.caption : undefined,
          "fileName" in content ? content.fileName : undefined,
          "media" in content ? content.media.fileName : undefined,
        ];
    }
  })();
  return texts.filter((text) => text !== undefined);
}

const previewOf = ({ linkPreview }: Extract<ReceivedContent, { type: "text" }>) =>
  typeof linkPreview === "object" ? [linkPreview.title, linkPreview.description] : [];
