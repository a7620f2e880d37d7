import { createCipheriv, createDecipheriv, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { aesDecryptGCM, Curve, hkdf, type KeyPair } from "@whiskeysockets/baileys";
import { SimulatorError } from "../errors.ts";
import { node, serverJid } from "../wire/nodes.ts";
import { seconds, type World } from "../world.ts";
import type { LinkedDevice } from "./device.ts";
import { link } from "./link.ts";
import type { PairingRequest } from "./pairing-request.ts";
import type { Phone } from "./phone.ts";

const rounds = 131_072;
const finishTimeoutMs = 15_000;
const derive = promisify(pbkdf2);

/** Types the code: both sides exchange keys under it, and only the last step shows a wrong code. */
export async function enterPairingCode(world: World, phone: Phone, typed: string): Promise<LinkedDevice> {
  if (!phone.online) throw new SimulatorError("phone_offline", `${phone.e164} is offline`);
  const request = phone.pairingRequest;
  if (!request?.connection.isOpen) throw new SimulatorError("pairing_code_not_expected");
  const code = typed.replaceAll(/[\s-]/g, "").toUpperCase();
  const companionEphemeral = await unwrap(code, request.wrappedEphemeral);
  const ephemeral = Curve.generateKeyPair();
  const wrappedEphemeral = await wrap(world, code, ephemeral.public);
  if (!request.connection.isOpen) throw new SimulatorError("pairing_failed", "the client went away");
  const finished = awaitFinish(world, request);
  const { reference, connection } = request;
  const id = world.random(6).toString("hex");
  connection.send(
    node("notification", { from: serverJid, type: "link_code_companion_reg", id, t: seconds(world) }, [
      node("link_code_companion_reg", { stage: "primary_hello" }, [
        node("link_code_pairing_wrapped_primary_ephemeral_pub", {}, wrappedEphemeral),
        node("primary_identity_pub", {}, phone.identity.public),
        node("link_code_pairing_ref", {}, Buffer.from(reference)),
      ]),
    ]),
  );
  const { bundle, identity } = await finished;
  const { offer } = connection;
  if (!offer?.identity.equals(identity)) throw new SimulatorError("pairing_failed", "the client changed its identity");
  const advSecret = agree(phone, ephemeral, companionEphemeral, identity, bundle);
  phone.pairingRequest = undefined;
  if (world.faults.take("pairing-stall", phone.number)) {
    throw new SimulatorError("pairing_failed", "the pairing stalls, as the fault asks");
  }
  return link(world, phone, connection, offer, advSecret);
}

function awaitFinish(world: World, request: PairingRequest): Promise<{ bundle: Buffer; identity: Buffer }> {
  return new Promise((resolve, reject) => {
    const cancel = world.timers.after(finishTimeoutMs, () => {
      reject(new SimulatorError("pairing_failed", "the client did not finish in time"));
    });
    request.onGone = () => {
      cancel();
      reject(new SimulatorError("pairing_failed", "the client went away"));
    };
    request.onFinish = (bundle, identity) => {
      cancel();
      resolve({ bundle, identity });
    };
  });
}

/** `bundle` is salt 32, iv 12, then both identities and a random, sealed with what the ephemeral keys agree on. */
function agree(phone: Phone, ephemeral: KeyPair, companionEphemeral: Buffer, identity: Buffer, bundle: Buffer): Buffer {
  try {
    const shared = Curve.sharedKey(ephemeral.private, companionEphemeral);
    const key = hkdf(shared, 32, { salt: bundle.subarray(0, 32), info: "link_code_pairing_key_bundle_encryption_key" });
    const opened = aesDecryptGCM(bundle.subarray(44), key, bundle.subarray(32, 44), Buffer.alloc(0));
    const identityShared = Curve.sharedKey(phone.identity.private, identity);
    const secret = Buffer.concat([shared, identityShared, opened.subarray(64, 96)]);
    return Buffer.from(hkdf(secret, 32, { info: "adv_secret" }));
  } catch (cause) {
    throw new SimulatorError("wrong_pairing_code", undefined, { field: "code", cause });
  }
}

async function unwrap(code: string, wrapped: Buffer): Promise<Buffer> {
  const key = await derive(code, wrapped.subarray(0, 32), rounds, 32, "sha256");
  const decipher = createDecipheriv("aes-256-ctr", key, wrapped.subarray(32, 48));
  return Buffer.concat([decipher.update(wrapped.subarray(48, 80)), decipher.final()]);
}

async function wrap(world: World, code: string, plain: Uint8Array): Promise<Buffer> {
  const [salt, iv] = [world.random(32), world.random(16)];
  const cipher = createCipheriv("aes-256-ctr", await derive(code, salt, rounds, 32, "sha256"), iv);
  return Buffer.concat([salt, iv, cipher.update(plain), cipher.final()]);
}
