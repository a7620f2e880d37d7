/** Each kind with all of its fields. Phones show it as it is, and a phone can write it. */
export const kinds = {
  text: {
    type: "text",
    text: "Order 42: https://acme.example/42",
    linkPreview: { url: "https://acme.example/42", title: "Order 42", description: "Two parcels" },
  },
  location: { type: "location", latitude: -6.1754, longitude: 106.8272, name: "Monas", address: "Gambir, Jakarta" },
  contacts: {
    type: "contacts",
    contacts: [
      {
        name: "Budi; Kantor, “Acme”",
        phones: [{ number: "+6281234567890", label: "Kantor, pagi" }, { number: "+6281234567891" }],
        organization: "Acme; Jakarta",
        email: "budi@acme.example",
      },
      { name: "Ayu 🌸".repeat(30), phones: [{ number: "+6281234567892" }] },
    ],
  },
  poll: { type: "poll", question: "When shall we deliver?", options: ["Morning", "Noon", "Evening"], maxSelections: 3 },
  event: {
    type: "event",
    name: "Product launch",
    description: "Doors open at nine.",
    startAt: "2026-12-24T09:00:00.000Z",
    endAt: "2026-12-24T11:00:00.000Z",
    location: { name: "Monas", address: "Gambir, Jakarta", latitude: -6.1754, longitude: 106.8272 },
    callLink: "https://call.whatsapp.com/video/abcdefghijklmnopqrstuv",
  },
  buttons: {
    type: "buttons",
    text: "Shall we deliver today?",
    footer: "Acme",
    buttons: [
      { id: "yes", text: "Yes" },
      { id: "later", text: "Later" },
    ],
    render: "native",
  },
  list: {
    type: "list",
    text: "Which branch?",
    buttonText: "Branches",
    footer: "Acme",
    sections: [
      { title: "Java", rows: [{ id: "jkt", title: "Jakarta", description: "Open until nine" }] },
      { title: "Bali", rows: [{ id: "dps", title: "Denpasar" }] },
    ],
    render: "native",
  },
} as const;
