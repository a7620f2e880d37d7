import { changeLimits, watchLimits } from "./account/enforce.ts";
import type {
  Action,
  ChatMessage,
  MessageEvent,
  PhoneInfo,
  SelfAction,
  SendMessage,
  Simulator,
  SimulatorEvent,
} from "./api.ts";
import { actAlone, readOnPhone } from "./app-state/on-phone.ts";
import { SimulatorError } from "./errors.ts";
import { type Fault, isInstant } from "./faults.ts";
import { strike } from "./instant-faults.ts";
import { groupOf } from "./groups/actions.ts";
import { makeGroupOperations } from "./groups/operations.ts";
import { act } from "./phone/act.ts";
import { readChatLink } from "./phone/chat-link.ts";
import { scan, unlink } from "./phone/link.ts";
import { enterPairingCode } from "./phone/pairing-code.ts";
import { keepFile } from "./phone/media.ts";
import { Phone } from "./phone/phone.ts";
import { write } from "./phone/write.ts";
import { deliverPending } from "./server/deliver.ts";
import { bootstrapWaiting } from "./server/login.ts";
import { waitingToPair } from "./server/registration.ts";
import { digitsOf, jidOf } from "./wire/jid.ts";
import type { World } from "./world.ts";
import { snapshot } from "./snapshot.ts";

/** The phone operations of the API. */
export type Operations = Omit<
  Simulator,
  "url" | "httpUrl" | "port" | "rootKey" | "rootKeyBytes" | "media" | "flush" | "close"
>;

export function makeOperations(world: World, listeners: Set<(event: SimulatorEvent) => void>): Operations {
  const startedAt = world.now();
  const find = (number: string) => known(world.phones.byNumber(digits(number, "number")), number, "number");
  /** The recipient of a phone's message: the server finds it by each spelling of a typed number. */
  const dial = (number: string, field: string) => known(world.phones.dialled(digits(number, field)), number, field);
  const announce = (phone: Phone): PhoneInfo => {
    const info = phone.info();
    world.emit({ type: "phone", phone: info });
    return info;
  };
  const onEvent = (listener: (event: SimulatorEvent) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  const onMessage = (listener: (event: MessageEvent) => void) =>
    onEvent((event) => {
      if (event.type === "message") listener({ phone: event.phone, message: event.message });
    });

  return {
    createPhone(input) {
      const number = digits(input.number, "number");
      if (world.phones.byNumber(number)) throw new SimulatorError("phone_exists", undefined, { field: "number" });
      const phone = new Phone(number, newLid(world), input.name ?? `+${number}`);
      phone.change({ receipts: input.receipts, addressing: input.addressing });
      world.phones.add(phone);
      watchLimits(world, phone);
      return announce(phone);
    },
    phones: () => [...world.phones].map((phone) => phone.info()),
    phone: (number) => find(number).info(),
    updatePhone(number, patch) {
      const phone = find(number);
      const comesBack = patch.online === true && !phone.online;
      phone.change(patch);
      if (patch.limits) changeLimits(world, phone, patch.limits);
      if (comesBack) {
        for (const readIt of phone.toRead.splice(0)) readIt();
        deliverPending(world, phone);
        bootstrapWaiting(world, phone);
        readOnPhone(world, phone);
      }
      return announce(phone);
    },
    messages: (number) => find(number).chat.all(),
    async send(number, { to, ...message }) {
      const phone = find(number);
      const recipient = to.endsWith("@g.us") ? groupOf(world, phone, to) : dial(to, "to");
      if (isSelfAction(message)) return actAlone(world, phone, recipient, message);
      return isAction(message) ? act(world, phone, recipient, message) : write(world, phone, recipient, message);
    },
    file(number, id) {
      const message = find(number).chat.byId(id);
      if (!message) throw new SimulatorError("message_not_found");
      const media = "media" in message ? message.media : undefined;
      const sizeBytes = media && !media.problem ? world.files.size(media.sha256) : undefined;
      if (!media || sizeBytes === undefined) throw new SimulatorError("file_not_found", media?.problem);
      const { mimeType, sha256, fileName } = media;
      return { mimeType, sizeBytes, fileName, read: (range) => world.files.read(sha256, range) };
    },
    addFile: (content) => keepFile(world, content),
    async openLink(number, link) {
      const { to, text } = readChatLink(link);
      return write(world, find(number), dial(to, "link"), { text });
    },
    async scan(number, qr) {
      const phone = find(number);
      const device = await scan(world, phone, qr);
      return device.info(jidOf(phone, "pn", device.id));
    },
    async enterPairingCode(number, code) {
      const phone = find(number);
      const device = await enterPairingCode(world, phone, code);
      return device.info(jidOf(phone, "pn", device.id));
    },
    unlink: (number, deviceId) => unlink(world, find(number), deviceId),
    waiting: () => waitingToPair(world),
    ...makeGroupOperations(world, { find, digits }),

    setFault(fault) {
      const number = "number" in fault && fault.number !== undefined ? find(fault.number).number : undefined;
      const to = "to" in fault && fault.to !== undefined ? digits(fault.to, "to") : undefined;
      const normal = { ...fault, ...(number !== undefined && { number }), ...(to !== undefined && { to }) } as Fault;
      const record = world.faults.add(world.random(6).toString("hex"), normal);
      if (isInstant(normal)) strike(world, normal, number);
      return record;
    },
    faults: () => world.faults.list(),
    clearFaults(id) {
      if (id === undefined) world.faults.clearAll();
      else if (!world.faults.clear(id)) throw new SimulatorError("fault_not_found", `no fault ${id} is on`);
    },

    stats: () => snapshot(world, startedAt),
    onMessage,
    onEvent,
    async waitForMessage(number, matches, timeoutMs = 5000) {
      const phone = find(number);
      const present = phone.chat.first(matches);
      if (present) return present;
      return new Promise<ChatMessage>((resolve, reject) => {
        const stop = onEvent((event) => {
          if (event.type !== "message" && event.type !== "status") return;
          if (event.phone !== phone.e164 || !matches(event.message)) return;
          stop();
          cancel();
          resolve(event.message);
        });
        const cancel = world.timers.after(timeoutMs, () => {
          stop();
          reject(new Error(`no such message on ${phone.e164} within ${timeoutMs} ms`));
        });
      });
    },
  };
}

/** What a person does to an earlier message; everything else is a new one. */
function isAction<T extends Omit<SendMessage, "to">>(message: T): message is Extract<T, Action> {
  return ["reactTo", "edit", "delete", "voteIn", "pin"].some((name) => name in message);
}

function isSelfAction<T extends Omit<SendMessage, "to">>(message: T): message is Extract<T, SelfAction> {
  return ["star", "unstar", "deleteForMe"].some((name) => name in message);
}

function digits(number: string, field: string): string {
  const found = digitsOf(number);
  if (found === undefined)
    throw new SimulatorError("invalid_number", `${field} must look like +628123456789`, { field });
  return found;
}

/** LIDs have fifteen digits and do not reveal the number. */
function newLid(world: World): string {
  let lid = 100_000_000_000_000 + (world.random(6).readUIntBE(0, 6) % 800_000_000_000_000);
  while (world.phones.byLid(String(lid))) lid++;
  return String(lid);
}

function known(phone: Phone | undefined, number: string, field: string): Phone {
  if (!phone) throw new SimulatorError("phone_not_found", `no phone has the number ${number}`, { field });
  return phone;
}
