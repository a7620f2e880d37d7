interface Numbered {
  text: string;
  /** Groups of options, which may have a title. The numbers go on from group to group. */
  groups: { title?: string | undefined; options: { text: string; description?: string | undefined }[] }[];
  footer?: string | undefined;
}

/** Options as a text, for clients that show no buttons. The answer is a number. */
export function numberedText({ text, groups, footer }: Numbered): string {
  let number = 0;
  const blocks = groups.map(({ title, options }) => {
    const lines = options.map(({ text: option, description }) => {
      number++;
      return `${number}. ${option}${description === undefined ? "" : `\n    ${description}`}`;
    });
    return [...(title === undefined ? [] : [`*${title}*`]), ...lines].join("\n");
  });
  return [text, ...blocks, ...(footer === undefined ? [] : [footer])].join("\n\n");
}
