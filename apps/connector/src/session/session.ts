import type { SessionQr } from "@sandi/contracts";
import type { CloseKind } from "../close-reasons.ts";
import type { Effect, Forgotten, Machine, MachineEvent } from "./machine.ts";
import { step } from "./step.ts";

/** What the mailbox needs done; each call may take its time, and a failing one is logged and passed over. */
export interface SessionHands {
  open(socket: number): void;
  close(socket: number): Promise<void>;
  logOut(socket: number): Promise<void>;
  /** Stores the state; false when the lease was lost. `nextAttemptAt`: when a waiting session connects again. */
  report: (machine: Machine, forget: Forgotten, nextAttemptAt: Date | null) => Promise<boolean>;
  dropCaches(): void;
  refreshVersion(): Promise<boolean>;
  alert(machine: Machine): void;
  /** Deletes what is stored and says so; false when the lease was lost. */
  remove: (machine: Machine) => Promise<boolean>;
  /** The lease is not ours any more. */
  lost(): void;
  failed(effect: Effect["type"], error: unknown): void;
  now: () => Date;
  after(ms: number, run: () => void): () => void;
  /** Uniform in [0, 1). */
  chance(): number;
}

/** A session in motion: its events are taken one at a time, each with all of its effects before the next. */
export interface Session {
  readonly machine: Machine;
  /** The QR code on show, while there is one. */
  qr: SessionQr | null;
  post(event: MachineEvent): void;
  closed(socket: number, kind: CloseKind): void;
  /** Reports or removes again what could not be. */
  retryStoring(): void;
  /** Resolves when every event posted so far has been dealt with. */
  idle(): Promise<void>;
  /** Takes no more events and starts nothing any more; its socket is closed by whoever stops it. */
  stop(): void;
}

const settleMs = 30_000;

export function createSession(initial: Machine, hands: SessionHands): Session {
  let machine = initial;
  let qr: SessionQr | null = null;
  const life = { isStopped: false };
  let unstored: "report" | "remove" | undefined;
  /** What a report that could not be stored should have forgotten; the next report does it. */
  let owed: Forgotten = false;
  let isRetryDue = false;
  let running: Promise<void> | undefined;
  let cancelRetry: (() => void) | undefined;
  let nextAttemptAt: Date | null = null;
  let cancelSettle: (() => void) | undefined;
  const mailbox: MachineEvent[] = [];

  async function run(): Promise<void> {
    for (let event = mailbox.shift(); event !== undefined && !life.isStopped; event = mailbox.shift()) {
      const { machine: next, effects } = step(machine, event);
      machine = next;
      if (machine.state !== "pairing") qr = null;
      if (machine.state !== "waiting") nextAttemptAt = null;
      for (const effect of effects) {
        if (life.isStopped) break;
        try {
          await perform(effect);
        } catch (error) {
          hands.failed(effect.type, error);
        }
      }
    }
    if (isRetryDue && unstored && !life.isStopped) {
      isRetryDue = false;
      try {
        await put(unstored);
      } catch (error) {
        hands.failed(unstored, error);
      }
      return run();
    }
    isRetryDue = false;
    running = undefined;
  }

  async function perform(effect: Effect): Promise<void> {
    switch (effect.type) {
      case "open":
        return hands.open(effect.socket);
      case "close":
        return hands.close(effect.socket);
      case "logOut":
        return hands.logOut(effect.socket);
      case "retry": {
        const delayMs = Math.round(hands.chance() * effect.capMs);
        cancelRetry?.();
        cancelRetry = hands.after(delayMs, () => post({ type: "retryDue" }));
        nextAttemptAt = new Date(hands.now().getTime() + delayMs);
        return;
      }
      case "cancelRetry":
        cancelRetry?.();
        cancelRetry = undefined;
        nextAttemptAt = null;
        return;
      case "settle":
        cancelSettle?.();
        cancelSettle = hands.after(settleMs, () => post({ type: "settled", socket: effect.socket }));
        return;
      case "report":
        return put("report", effect.forget);
      case "dropCaches":
        return hands.dropCaches();
      case "refreshVersion":
        // Not awaited: a slow answer must not hold up a wish.
        void hands.refreshVersion().then(
          (isNewer) => post({ type: "versionRefreshed", isNewer }),
          (error: unknown) => {
            hands.failed("refreshVersion", error);
            post({ type: "versionRefreshed", isNewer: false });
          },
        );
        return;
      case "alert":
        return hands.alert(machine);
      case "remove":
        return put("remove");
    }
  }

  async function put(what: "report" | "remove", forget: Forgotten = false): Promise<void> {
    unstored = what;
    owed = forget || owed;
    const isOurs = what === "remove" ? await hands.remove(machine) : await hands.report(machine, owed, nextAttemptAt);
    unstored = undefined;
    owed = false;
    if (!isOurs) hands.lost();
  }

  function post(event: MachineEvent): void {
    if (life.isStopped) return;
    mailbox.push(event);
    running ??= Promise.resolve().then(run);
  }

  return {
    get machine() {
      return machine;
    },
    get qr() {
      return qr;
    },
    set qr(next) {
      qr = next;
    },
    post,
    closed: (socket, kind) => post({ type: "closed", socket, kind }),
    retryStoring() {
      if (!unstored || life.isStopped) return;
      isRetryDue = true;
      running ??= Promise.resolve().then(run);
    },
    async idle() {
      if (!running) return;
      await running;
      return this.idle();
    },
    stop() {
      life.isStopped = true;
      cancelRetry?.();
      cancelSettle?.();
    },
  };
}
