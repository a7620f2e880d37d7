import type { TestEdge } from "../edge.ts";
import type { Call } from "./call.ts";

export const chatCalls = (edge: () => TestEdge): Call[] => [
  {
    route: "GET /v1/sessions/{id}/groups/{groupId}",
    path: () => `/v1/sessions/${edge().sessionId}/groups/120363025246125486@g.us`,
    asks: "redis libsql connector",
    budget: [1, 1600, 7, 0],
  },
  {
    route: "GET /v1/sessions/{id}/messages",
    path: () => `/v1/sessions/${edge().sessionId}/messages?q=order`,
    asks: "redis libsql connector libsql",
    budget: [2, 2600, 9, 0],
  },
  {
    route: "POST /v1/sessions/{id}/messages/search",
    path: () => `/v1/sessions/${edge().sessionId}/messages/search`,
    body: { q: "0812 3456 7890" },
    asks: "redis libsql connector libsql",
    budget: [2, 2600, 9, 0],
  },
  {
    route: "GET /v1/sessions/{id}/chats",
    path: () => `/v1/sessions/${edge().sessionId}/chats`,
    asks: "redis libsql connector",
    budget: [1, 1600, 7, 0],
  },
  {
    route: "GET /v1/sessions/{id}/people/{person}",
    path: () => `/v1/sessions/${edge().sessionId}/people/100000@lid`,
    asks: "redis libsql connector",
    budget: [1, 1600, 7, 0],
  },
];
