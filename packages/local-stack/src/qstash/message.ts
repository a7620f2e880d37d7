/** How many calls with the same key may be under way, and how many may begin in a period. */
export interface FlowControl {
  key: string;
  parallelism?: number;
  rate?: number;
  periodMs: number;
}

/** Where the outcome of an attempt is published, and with which `Upstash-` headers. */
export interface Callback {
  url: string;
  headers: Record<string, string>;
}

/** What a publisher asked for. It never changes, and is shared by the message, its events and its dead letter. */
export interface Spec {
  url: string;
  method: string;
  /** What is forwarded, in lower case. */
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
  /** Milliseconds since 1970, like all times in here. */
  readonly createdAt: number;
  readonly notBefore: number;
  retried: number;
  dueAt: number;
  /** Delivered, failed or cancelled: whatever still holds it lets go. */
  isGone: boolean;
}

/** What a destination answered; `status` 0 when it did not. */
export interface Answer {
  status: number;
  headers: Record<string, string[]>;
  body: Buffer;
  error?: string;
}

/** A message whose retries are spent. */
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
