/** Who may import whom (ARCHITECTURE.md, "Rooms"). */
const rooms = "^(apps|packages)/[^/]+";
const only = (room, allowed) => ({
  name: `${room.split("/").pop()}-imports`,
  comment: `${room} imports ${allowed.length > 0 ? allowed.join(", ") : "no other room"}`,
  severity: "error",
  from: { path: `^${room}/src/` },
  to: { path: rooms, pathNot: [room, ...allowed].map((each) => `^${each}(/|$)`) },
});

module.exports = {
  forbidden: [
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
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
