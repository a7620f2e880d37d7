/** Every group by its jid. */
export const groups = new Map();
/** The names of phones by their numbers. */
export const names = new Map();

/** What people show for a day. */
export const isStory = (chat) => chat === "status@broadcast";

export const nameOf = (chat) => (isStory(chat) ? "Stories" : (names.get(chat) ?? groups.get(chat)?.subject ?? chat));

/** Whether messages in it have the names of their authors. */
export const hasAuthors = (chat) => isStory(chat) || (chat?.endsWith("@g.us") ?? false);

/** The groups that a phone is in. */
export const groupsOf = (number) =>
  [...groups.values()].filter(({ participants }) => participants.some((each) => each.number === number));
