/** Who may import whom (README, "How it fits together"). */
const rooms = "^(apps|packages)/[^/]+";
const only = (room, allowed) => ({
  name: `${room.split("/").pop()}-imports`,
  comment: `${room} imports ${allowed.length > 0 ? allowed.join(", ") : "no other room"}`,
  severity: "error",
  from: { path: `^${room}/src/` },
  to: { path: rooms, pathNot: [room, ...allowed].map((each) => `^${each}(/|$)`) },
});

/** The edge's rooms that still import each other in circles. Take names off this list; add none. */
const circling = "access-rules|alerts|messages|sessions|verifications";

module.exports = {
  forbidden: [
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-two-way-rooms",
      comment: "the rooms of the edge import each other one way",
      severity: "error",
      scope: "folder",
      from: { path: "^apps/edge/src/[^/]+$", pathNot: `/(${circling})$` },
      to: { circular: true, path: "^apps/edge/src/[^/]+$", viaOnly: { path: "^apps/edge/src/[^/]+$" } },
    },
    only("packages/contracts", []),
    only("packages/crypto", []),
    only("packages/libsql", []),
    only("packages/tracing", []),
    only("packages/whatsapp-simulator", []),
    only("packages/examples", []),
    only("packages/local-stack", [
      "packages/contracts",
      "packages/crypto",
      "packages/whatsapp-simulator",
      "apps/edge/src/setup.ts",
    ]),
    only("apps/edge", ["packages/contracts", "packages/crypto", "packages/libsql", "packages/tracing"]),
    only("apps/connector", ["packages/contracts", "packages/crypto", "packages/libsql", "packages/tracing"]),
    {
      name: "baileys-in-one-room",
      comment: "Baileys and libsignal are imported in apps/connector/src/baileys and by the simulator only",
      severity: "error",
      from: {
        path: "^(apps|packages)/",
        pathNot: "^(apps/connector/(src/baileys|test)|packages/(whatsapp-simulator|e2e))/",
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
      },
      to: { dependencyTypes: ["core"] },
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
