const minuteMs = 60_000;

/** What takes every limit off an account. */
export const lifted = {
  lockedUntil: null,
  lockAfter: null,
  newChats: null,
  sendRate: null,
  banAfter: null,
  isBanned: false,
};

export function lockedForAMinute() {
  return { lockedUntil: new Date(Date.now() + minuteMs).toISOString() };
}

/** Shows what the account may not do, in words, and the buttons that make sense then. */
export function drawLimits(root, { limits, devices }) {
  const sentences = sentencesOf(limits);
  // Limits are for companions.
  root.hidden = sentences.length === 0 && devices.length === 0;
  root.querySelector(".standing").textContent = sentences.join(" ");
  root.querySelector(".standing").hidden = sentences.length === 0;
  root.querySelector(".lift").hidden = sentences.length === 0;
  root.querySelector(".lock").hidden = limits.lockedUntil !== null || limits.isBanned;
}

const every = ({ windowMs }) => `in ${windowMs / 1000} s`;

function sentencesOf({ isBanned, lockedUntil, lockAfter, newChats, sendRate, banAfter }) {
  return [
    isBanned && "Banned.",
    lockedUntil && `No new chats until ${new Date(lockedUntil).toLocaleTimeString()}.`,
    lockAfter && `Locked after ${lockAfter.coldSends} cold messages ${every(lockAfter)}.`,
    newChats && `${newChats.used} of ${newChats.total} new chats used.`,
    sendRate && `At most ${sendRate.messages} messages ${every(sendRate)}.`,
    banAfter && `Banned after ${banAfter.coldSends} cold messages ${every(banAfter)}.`,
  ].filter(Boolean);
}
