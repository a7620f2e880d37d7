/** With which codes WhatsApp refuses a stanza. */
export const refusalCodes = {
  /** The stanza is not valid: mostly, a device of the recipient does not exist any more. */
  staleDevices: "479",
  tooMuch: "429",
  noNewChats: "463",
} as const;

/** The account may not do this. */
export const forbidden: ReadonlySet<string> = new Set(["401", "403"]);

/** What WhatsApp refuses when the person has the other kind of jid. */
export const wrongForm = { pn: refusalCodes.noNewChats, lid: "400" } as const;
