import { avatarOf, icon, make, makeButton } from "./dom.js";
import { nameOf } from "./names.js";

/** What a message of each kind shows beside its text. `act` posts to the phone's messages. */
export const parts = {
  location: ({ latitude, longitude, name, address }) => [
    make(
      "div",
      "card place",
      make(
        "div",
        "map",
        icon("pin", "0 0 24 24", [
          "M12 22s7-7.2 7-12.5A7 7 0 0 0 5 9.5C5 14.8 12 22 12 22zm0-9.8a2.7 2.7 0 1 1 0-5.4 2.7 2.7 0 0 1 0 5.4z",
        ]),
      ),
      make(
        "div",
        "about",
        make("span", "title", name ?? "Location"),
        make("span", "detail", address ?? `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`),
      ),
    ),
  ],
  contacts: ({ contacts }) =>
    contacts.map(({ name, phones, organization, email }) =>
      make(
        "div",
        "card person",
        avatarOf(name),
        make(
          "div",
          "about",
          make("span", "title", name),
          ...(organization ? [make("span", "detail", organization)] : []),
          ...phones.map(({ number, label }) => make("span", "detail", label ? `${number} · ${label}` : number)),
          ...(email ? [make("span", "detail", email)] : []),
        ),
      ),
    ),
  poll: pollOf,
  event: eventOf,
  buttons: ({ footer, buttons, direction, chat, id }, { act }) => [
    ...footerOf(footer),
    make(
      "div",
      "choices",
      ...buttons.map((button) => choiceOf(button.text, direction, () => reply(act, { chat, id }, button))),
    ),
  ],
  list: ({ footer, buttonText, sections, direction, chat, id }, { act }) => {
    const rows = sections.flatMap(({ title, rows: all }) => [
      ...(title ? [make("div", "section", title)] : []),
      ...all.map((row) =>
        choiceOf(
          row.title,
          direction,
          () => reply(act, { chat, id }, { id: row.id, text: row.title }),
          row.description,
        ),
      ),
    ]);
    return [...footerOf(footer), make("details", "choices list", make("summary", "", buttonText), ...rows)];
  },
};

/** The text that a part shows already. */
export const hasOwnText = new Set(["location", "contacts", "poll", "event"]);

const footerOf = (footer) => (footer ? [make("div", "footer", footer)] : []);

const reply = (act, { chat, id }, { id: option, text }) =>
  act({ to: chat, type: "reply", id: option, text, quotedMessageId: id });

/** Only who got the message can tap. */
function choiceOf(text, direction, onClick, description) {
  const detail = description ? [make("span", "detail", description)] : [];
  const button = makeButton("choice", "", onClick, make("span", "title", text), ...detail);
  button.disabled = direction === "out";
  return button;
}

function pollOf({ question, options, maxSelections, votes = [], chat, id }, { act, number }) {
  const mine = votes.find(({ from }) => from === number)?.options ?? [];
  const most = Math.max(1, ...options.map((option) => votersOf(votes, option).length));
  const rows = options.map((option) => {
    const voters = votersOf(votes, option);
    const isMine = mine.includes(option);
    const others = mine.filter((each) => each !== option);
    const chosen = isMine ? others : maxSelections === 1 ? [option] : [...others, option];
    const bar = make("span", "bar");
    bar.style.setProperty("--share", String(voters.length / most));
    const row = makeButton(
      "option",
      "",
      () => act({ to: chat, voteIn: id, options: chosen.slice(-maxSelections) }),
      make("span", "tick"),
      make("span", "title", option),
      make("span", "voters", ...voters.slice(0, 3).map((each) => avatarOf(nameOf(each)))),
      make("span", "count", String(voters.length)),
      bar,
    );
    row.setAttribute("aria-pressed", String(isMine));
    row.title = voters.map(nameOf).join(", ");
    return row;
  });
  const hint = maxSelections === 1 ? "Choose one" : "Choose one or more";
  return [make("div", "poll", make("div", "title", question), make("div", "detail", hint), ...rows)];
}

const votersOf = (votes, option) => votes.filter(({ options }) => options.includes(option)).map(({ from }) => from);

const timeOf = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function eventOf({ name, description, startAt, endAt, location, callLink }) {
  const start = new Date(startAt);
  const part = (options) => start.toLocaleDateString([], options);
  const when = `${part({ weekday: "long", day: "numeric", month: "long" })}, ${timeOf(startAt)}${endAt ? ` – ${timeOf(endAt)}` : ""}`;
  const lines = [when, location && [location.name, location.address].filter(Boolean).join(", "), callLink, description];
  return [
    make(
      "div",
      "card occasion",
      make(
        "div",
        "day",
        make("span", "month", part({ month: "short" })),
        make("span", "date", part({ day: "numeric" })),
      ),
      make(
        "div",
        "about",
        make("span", "title", name),
        ...lines.filter(Boolean).map((line) => make("span", "detail", line)),
      ),
    ),
  ];
}
