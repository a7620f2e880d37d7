const nothing = () => undefined;

/** Turns `console` off, because libsignal prints session keys with it. */
export function silenceConsole(): void {
  for (const method of ["log", "info", "warn", "error", "debug", "trace", "dir"] as const) console[method] = nothing;
}
