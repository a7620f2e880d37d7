import type { CredentialChange, OpenCredentials } from "./credentials.ts";
import type { Store } from "./store.ts";

/** What an account's own phone tells of people: a modified one can tell of as many as it likes. */
const told = ["lid-mapping", "tctoken"];

/** Rows of that: how many are written unseen, how many at once from then on, and how many a session has at most. */
const usual = { unseen: 10_000, atOnce: 10_000, most: 200_000 };

const isTold = ({ kind, value }: CredentialChange) => value !== null && told.includes(kind);

/** Credentials with a bound on what others fill them with; what is beyond it is not kept, and asked for again when needed. */
export function boundedCredentials(
  open: OpenCredentials,
  { client }: Pick<Store, "client">,
  bounds = usual,
): OpenCredentials {
  return (fence, atRest) => {
    const credentials = open(fence, atRest);
    let written = 0;

    async function room(): Promise<number> {
      const { rows } = await client.execute({
        sql: `SELECT count(*) AS kept FROM credential WHERE session_id = ? AND kind IN (SELECT value FROM json_each(?))`,
        args: [fence.sessionId, JSON.stringify(told)],
      });
      return Math.min(bounds.atOnce, bounds.most - Number(rows[0]?.["kept"]));
    }

    return {
      ...credentials,
      async write(changes) {
        written += changes.filter(isTold).length;
        if (written <= bounds.unseen || !changes.some(isTold)) return credentials.write(changes);
        let left = await room();
        return credentials.write(changes.filter((change) => !isTold(change) || left-- > 0));
      },
    };
  };
}
