import type { Simulator, SimulatorOptions } from "./api.ts";

/** Starts a simulated WhatsApp on loopback. */
export async function startSimulator(_options: SimulatorOptions = {}): Promise<Simulator> {
  throw new Error("coming within minutes");
}
