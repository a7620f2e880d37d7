import { utf8 } from "@sandi/crypto";
import type { EndpointTable } from "../db/tables/deliveries.ts";
import type { Services } from "../services.ts";
import type { Provider } from "./provider.ts";
import { slack, type SlackTarget } from "./providers/slack.ts";
import { telegram, type TelegramTarget } from "./providers/telegram.ts";
import { webhook, type WebhookTarget } from "./providers/webhook.ts";

/** Where an endpoint's messages go, and with which secrets. */
export type Target = TelegramTarget | SlackTarget | WebhookTarget;

const providers: { [Kind in Target["kind"]]: Provider<Extract<Target, { kind: Kind }>> } = { telegram, slack, webhook };

/** The provider of a target. */
export const providerOf = ({ kind }: Target) => providers[kind] as Provider<Target>;

/** The endpoint that a target belongs to. */
type Place = Pick<EndpointTable, "id" | "workspaceId">;

// Targets were sealed in the name of this table before they moved into `endpoint`.
const contextOf = ({ id }: Place) => ({ table: "alert_channel", column: "target", id });

/** Seals a target for its row. */
export const sealTarget = ({ atRest }: Services, place: Place, target: Target): Promise<string> =>
  atRest(place.workspaceId).seal(utf8(JSON.stringify(target)), contextOf(place));

/** Opens the target of a row. */
export const openTarget = async ({ atRest }: Services, place: Place, sealed: string): Promise<Target> =>
  JSON.parse(new TextDecoder().decode(await atRest(place.workspaceId).open(sealed, contextOf(place)))) as Target;
