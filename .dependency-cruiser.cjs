/** Who may import whom (ARCHITECTURE.md, "Rooms"). */
const rooms = "^(apps|packages)/[^/]+";
const only = (room, allowed) => ({
  name: `${room.split("/").pop()}-imports`,
  comment: `${room} imports ${allowed.length > 0 ? allowed.join(", ") : "no other room"}`,
  severity: "error",
  from: { path: `^${room}/src/` },
  to: { path: rooms, pathNot: [room, ...allowed].map((each) => `^${each}(/|$)`) },
});

/**
 * A room imports only rooms that stand before it in the list. So no two rooms import each other. The files in `shared`
 * stand before all of them.
 */
const layers = (folder, order, shared = []) => {
  const inRoom = (room) => `^${folder}/${room}/`;
  const rule = (from, to, comment) => ({ name: "no-two-way-rooms", comment, severity: "error", from, to });
  return [
    ...order.map((room, i) =>
      rule(
        { path: inRoom(room) },
        { path: inRoom("[^/]+"), pathNot: [...order.slice(0, i + 1).map(inRoom), ...shared] },
        `${room} imports only the rooms before it in the list`,
      ),
    ),
    rule(
      { path: inRoom("([^/]+)"), pathNot: order.map(inRoom) },
      { path: inRoom("[^/]+"), pathNot: inRoom("$1") },
      "a new room gets its place in the list",
    ),
  ];
};

module.exports = {
  forbidden: [
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    only("packages/contracts", []),
    only("packages/crypto", []),
    only("packages/libsql", []),
    only("packages/tracing", []),
    only("packages/whatsapp-simulator", []),
    only("packages/examples", []),
    only("packages/listen", ["packages/contracts", "packages/crypto"]),
    only("packages/local-stack", [
      "packages/contracts",
      "packages/crypto",
      "packages/whatsapp-simulator",
      "apps/edge/src/setup.ts",
    ]),
    only("apps/edge", ["packages/contracts", "packages/crypto", "packages/libsql", "packages/tracing"]),
    only("apps/connector", ["packages/contracts", "packages/crypto", "packages/libsql", "packages/tracing"]),
    ...layers(
      "apps/edge/src",
      [
        "db",
        "rate-limits",
        "auth",
        "jobs",
        "http",
        "pages",
        "audit",
        "writes",
        "outbound",
        "access-rules",
        "pools",
        "templates",
        "analytics",
        "workspaces",
        "sessions",
        "gateway",
        "media",
        "messages",
        "message-actions",
        "batches",
        "reachability",
        "verifications",
        "feed",
        "alerts",
        "keys",
        "hooks",
        "webhooks",
        "destinations",
        "erasures",
        "events",
        "desired-state",
      ],
      ["^apps/edge/src/(messages|verifications)/life\\.ts$"],
    ),
    ...layers("apps/connector/src", [
      "store",
      "proxy",
      "content",
      "baileys",
      "media",
      "numbers",
      "deliveries",
      "inbound",
      "session",
      "actions",
      "fleet",
      "outbox",
      "supervisor",
      "jobs",
      "rpc",
      "transfer",
      "commands",
    ]),
    {
      name: "baileys-in-its-rooms",
      comment:
        "Baileys and libsignal are imported in the connector's baileys/ (sockets) and content/ (messages), and by the simulator",
      severity: "error",
      from: {
        path: "^(apps|packages)/",
        pathNot: "^(apps/connector/(src/(baileys|content)|test)|packages/(whatsapp-simulator|e2e))/",
      },
      to: { path: "(@whiskeysockets/baileys|libsignal)" },
    },
    {
      name: "contracts-imports-zod-only",
      severity: "error",
      from: { path: "^packages/contracts/src/" },
      to: { pathNot: ["^packages/contracts/src/", "^zod$", "node_modules/zod/"] },
    },
    {
      name: "no-node-at-the-edge",
      comment: "the Worker and what it imports run without Node",
      severity: "error",
      from: {
        path: "^(apps/edge|packages/(contracts|crypto|libsql|tracing))/src/",
        pathNot: "^packages/crypto/src/node/",
      },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "node-crypto-at-the-connector",
      comment: "the part of packages/crypto that needs Node is for the connector only",
      severity: "error",
      from: { path: "^(apps|packages)/", pathNot: "^(apps/connector|packages/crypto/(src/node|test))/" },
      to: { path: "^packages/crypto/src/node/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(node_modules|dist)/" },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
