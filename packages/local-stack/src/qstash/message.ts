/** How many calls with the same key may run, and how many may start in a period. */
export interface FlowControl {
  key: string;
  parallelism?: number;
  rate?: number;
  periodMs: number;
}

/** Where the result of an attempt is published, and with which `Upstash-` headers. */
export interface Callback {
  url: string;
  headers: Record<string, string>;
}

/** What the publisher asked for. It never changes. The message, its events and its dead letter share it. */
export interface Spec {
  url: string;
  method: string;
  /** The forwarded headers, in lower case. */
  headers: Record<string, string>;
  maxRetries: number;
  retryDelay?: string;
  timeoutMs: number;
  callback?: Callback;
  failureCallback?: Callback;
  queueName?: string;
  flowControl?: FlowControl;
  labels: string[];
  redact: string[];
  scheduleId?: string;
  callerIp: string;
}

/** A message that is not delivered yet. */
export interface Message {
  readonly id: string;
  readonly spec: Spec;
  readonly body: Buffer;
  /** Milliseconds since 1970, like all times in this folder. */
  readonly createdAt: number;
  readonly notBefore: number;
  retried: number;
  dueAt: number;
  /** True when it is delivered, failed or cancelled. Queues and flows then skip it. */
  isGone: boolean;
}

/** The destination's answer; `status` is 0 when there was none. */
export interface Answer {
  status: number;
  headers: Record<string, string[]>;
  body: Buffer;
  error?: string;
}

/** A message that failed after all retries. */
export interface DeadLetter {
  dlqId: string;
  id: string;
  spec: Spec;
  body: Buffer;
  createdAt: number;
  notBefore: number;
  retried: number;
  failedAt: number;
  answer: Answer;
}
