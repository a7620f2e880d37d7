import type { SessionQr } from "@sandi/contracts";
import type { CloseKind } from "../close-reasons.ts";
import type { Effect, Forgotten, Machine, MachineEvent } from "./machine.ts";
import { step } from "./step.ts";

/** Performs the effects of a session. Each call may take its time; one that fails is logged and skipped. */
export interface SessionActions {
  open(socket: number): void;
  close(socket: number): Promise<void>;
  logOut(socket: number): Promise<void>;
  /** Stores and reports the state; false when the lease is lost. `nextAttemptAt`: when a waiting session reconnects. */
  report: (machine: Machine, forget: Forgotten, nextAttemptAt: Date | null) => Promise<boolean>;
  dropCaches(): void;
  refreshVersion(): Promise<boolean>;
  alert(machine: Machine): void;
  /** Deletes the session's rows and reports that; false when the lease is lost. */
  remove: (machine: Machine) => Promise<boolean>;
  /** The lease is lost. */
  lost(): void;
  failed(effect: Effect["type"], error: unknown): void;
  now: () => Date;
  after(ms: number, run: () => void): () => void;
  /** Uniform in [0, 1). */
  chance(): number;
}

/** A running session: it handles one event at a time, and performs all of its effects before the next event. */
export interface Session {
  readonly machine: Machine;
  /** The current QR code; null while there is none. */
  qr: SessionQr | null;
  post(event: MachineEvent): void;
  closed(socket: number, kind: CloseKind): void;
  /** Repeats a report or a removal that failed. */
  retryStoring(): void;
  /** Resolves when every event posted so far is handled. */
  idle(): Promise<void>;
  /** Accepts no more events and starts nothing more. The caller closes the socket. */
  stop(): void;
}

const settleMs = 30_000;

export function createSession(initial: Machine, actions: SessionActions): Session {
  let machine = initial;
  let qr: SessionQr | null = null;
  const life = { isStopped: false };
  let unstored: "report" | "remove" | undefined;
  /** What a failed report should have deleted; the next report deletes it. */
  let pendingForget: Forgotten = false;
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
          actions.failed(effect.type, error);
        }
      }
    }
    if (isRetryDue && unstored && !life.isStopped) {
      isRetryDue = false;
      try {
        await store(unstored);
      } catch (error) {
        actions.failed(unstored, error);
      }
      return run();
    }
    isRetryDue = false;
    running = undefined;
  }

  async function perform(effect: Effect): Promise<void> {
    switch (effect.type) {
      case "open":
        return actions.open(effect.socket);
      case "close":
        return actions.close(effect.socket);
      case "logOut":
        return actions.logOut(effect.socket);
      case "retry": {
        const delayMs = Math.round(actions.chance() * effect.capMs);
        cancelRetry?.();
        cancelRetry = actions.after(delayMs, () => post({ type: "retryDue" }));
        nextAttemptAt = new Date(actions.now().getTime() + delayMs);
        return;
      }
      case "cancelRetry":
        cancelRetry?.();
        cancelRetry = undefined;
        nextAttemptAt = null;
        return;
      case "settle":
        cancelSettle?.();
        cancelSettle = actions.after(settleMs, () => post({ type: "settled", socket: effect.socket }));
        return;
      case "report":
        return store("report", effect.forget);
      case "dropCaches":
        return actions.dropCaches();
      case "refreshVersion":
        // Not awaited: a slow answer must not delay a new desired state.
        void actions.refreshVersion().then(
          (isNewer) => post({ type: "versionRefreshed", isNewer }),
          (error: unknown) => {
            actions.failed("refreshVersion", error);
            post({ type: "versionRefreshed", isNewer: false });
          },
        );
        return;
      case "alert":
        return actions.alert(machine);
      case "remove":
        return store("remove");
    }
  }

  async function store(kind: "report" | "remove", forget: Forgotten = false): Promise<void> {
    unstored = kind;
    pendingForget = forget || pendingForget;
    const isOurs =
      kind === "remove" ? await actions.remove(machine) : await actions.report(machine, pendingForget, nextAttemptAt);
    unstored = undefined;
    pendingForget = false;
    if (!isOurs) actions.lost();
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
