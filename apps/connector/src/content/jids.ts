export const isGroup = (jid: string) => jid.endsWith("@g.us");
/** Where stories go. */
export const storyJid = "status@broadcast";
/** A chat of two. */
export const isOfTwo = (jid: string) => !isGroup(jid) && jid !== storyJid;
export const isLid = (jid: string) => jid.endsWith("@lid");
export const isNumber = (jid: string) => jid.endsWith("@s.whatsapp.net");

/** A chat or a person, by the kinds of jids. */
export const namesIn = (jids: readonly string[]) => ({
  pn: jids.find(isNumber) ?? null,
  lid: jids.find(isLid) ?? null,
  group: jids.find(isGroup) ?? null,
});
