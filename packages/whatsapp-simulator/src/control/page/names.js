/** Every group by its jid. */
export const groups = new Map();
/** The names of phones by their numbers. */
export const names = new Map();

export const nameOf = (chat) => names.get(chat) ?? groups.get(chat)?.subject ?? chat;

export const isGroup = (chat) => chat?.endsWith("@g.us") ?? false;

/** The groups that a phone is in. */
export const groupsOf = (number) =>
  [...groups.values()].filter(({ participants }) => participants.some((each) => each.number === number));
