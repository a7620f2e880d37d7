import { ask } from "./ask.js";
import { nameOf } from "./names.js";

/** The form that writes a message: a text, a file, a reply, or the edit of an earlier message. */
export function makeComposer(part, { path, attempt, chat }) {
  let about;

  /** Replies to a message, edits it, or, without one, writes a new one. */
  function begin(next) {
    about = next;
    part(".about-what").hidden = next === undefined;
    part(".about-name").textContent = next === undefined ? "" : next.isEdit ? "Edit" : nameOf(next.message.from);
    part(".about-text").textContent = next?.message.text || next?.message.kind || "";
    if (next?.isEdit) part(".text").value = next.message.text;
    if (next) part(".text").focus();
  }

  const to = () => chat() ?? part(".to").value.replaceAll(/[\s-]/g, "");

  async function write(message) {
    const quoted = about && !about.isEdit ? { quotedMessageId: about.message.id } : {};
    await ask("POST", path("/messages"), { ...message, ...quoted, to: to() });
    begin(undefined);
    part(".text").value = "";
    part(".to").value = "";
  }

  part(".composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = part(".text").value.trim();
    if (text === "" || to() === "") return;
    attempt(() => write(about?.isEdit ? { edit: about.message.id, text } : { text }));
  });
  part(".about-what button").addEventListener("click", () => {
    if (about?.isEdit) part(".text").value = "";
    begin(undefined);
  });
  part(".attach input").addEventListener("change", ({ target }) => {
    const [file] = target.files;
    if (!file || to() === "") return;
    attempt(async () => {
      const caption = part(".text").value.trim();
      await write(await messageOf(file, caption));
      target.value = "";
    });
  });
  return {
    reply: (message) => begin({ message, isEdit: false }),
    edit: (message) => begin({ message, isEdit: true }),
  };
}

async function messageOf(file, caption) {
  const { sha256 } = await ask("POST", "/files", file);
  const [major] = file.type.split("/");
  const type = major === "image" || major === "video" || major === "audio" ? major : "document";
  const about = { type, file: sha256, ...(file.type && { mimeType: file.type }) };
  if (type === "audio") return about;
  if (type === "document") return { ...about, fileName: file.name, ...(caption && { caption }) };
  return { ...about, ...(caption && { caption }), ...(type === "image" && (await frameOf(file))) };
}

async function frameOf(file) {
  try {
    const { width, height } = await createImageBitmap(file);
    return { width, height };
  } catch {
    return {};
  }
}
