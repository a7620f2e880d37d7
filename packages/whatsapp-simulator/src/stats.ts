/** Counters since the start. A snapshot adds what is open right now. */
export interface Counters {
  connections: number;
  pairings: number;
  logins: number;
  loginsRefused: number;
  /** A login that closed an older open socket of the same device. */
  replaced: number;
  /** Message stanzas that companions sent. */
  messagesReceived: number;
  acks: number;
  sendErrors: number;
  /** Cold messages that companions of a locked account sent anyway. */
  lockHits: number;
  /** Cold messages beyond the cap of new chats. */
  capHits: number;
  /** Messages beyond an account's send rate. */
  rateRefusals: number;
  bans: number;
  /** Requests of companions for their account's limits of new chats. */
  limitQueries: { lock: number; cap: number };
  /** Messages that a phone decrypted and shows. */
  messagesShown: number;
  /** Deliveries of a message that the phone showed already: one message in the chat, counted here. */
  duplicateDeliveries: number;
  /** Messages that phones wrote. */
  messagesWritten: number;
  deliveredReceipts: number;
  readReceipts: number;
  /** Phones that could not decrypt and asked again. */
  retriesAsked: number;
  /** Companions that could not decrypt and were sent it again. */
  retriesServed: number;
  /** Messages that no retry could save. */
  undecryptable: number;
  /** Changes of companions to the app state that their phone could not read. */
  appStateUnreadable: number;
  /** Requests of companions that look up numbers, each for any number of numbers. */
  contactQueries: number;
  /** Privacy tokens that companions issued to contacts; each is a notification to the contact's companions. */
  tokensIssued: number;
  /** Clients that did not speak the protocol, or not with the keys of the handshake. */
  cutOff: number;
  /** IQs that the simulator answers with an empty result because it does not know them, by namespace. */
  unknownIqs: Record<string, number>;
}

export interface StatsSnapshot extends Counters {
  uptimeMs: number;
  phones: number;
  sockets: { open: number; loggedIn: number; waitingToPair: number };
  /** Devices whose credentials were held by two open sockets at some time. */
  devicesWithTwoOwners: number;
  maxConcurrentSockets: number;
  /** Stanzas that wait for an offline companion or phone. */
  queued: number;
}

export function newCounters(): Counters {
  return {
    connections: 0,
    pairings: 0,
    logins: 0,
    loginsRefused: 0,
    replaced: 0,
    messagesReceived: 0,
    acks: 0,
    sendErrors: 0,
    lockHits: 0,
    capHits: 0,
    rateRefusals: 0,
    bans: 0,
    limitQueries: { lock: 0, cap: 0 },
    messagesShown: 0,
    duplicateDeliveries: 0,
    messagesWritten: 0,
    deliveredReceipts: 0,
    readReceipts: 0,
    retriesAsked: 0,
    retriesServed: 0,
    undecryptable: 0,
    appStateUnreadable: 0,
    contactQueries: 0,
    tokensIssued: 0,
    cutOff: 0,
    unknownIqs: {},
  };
}
