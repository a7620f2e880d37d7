/** Whether no two are the same to a reader: case and spaces around them do not count. */
export const areDistinct = (texts: readonly string[]): boolean =>
  new Set(texts.map((text) => text.trim().toLowerCase())).size === texts.length;
