// libsignal prints sessions through console, in clients and phones alike.
for (const method of ["log", "info", "warn", "error"] as const) console[method] = () => {};
