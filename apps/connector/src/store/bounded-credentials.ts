import type { CredentialChange, OpenCredentials } from "./credentials.ts";
import type { Store } from "./store.ts";

/** Kinds of rows that an account's own phone reports. A modified phone can report any number of them. */
const reportedKinds = ["lid-mapping", "tctoken"];

/** Limits for these rows: how many are written before they are counted, how many per write then, how many in all. */
const defaultBounds = { uncounted: 10_000, perWrite: 10_000, total: 200_000 };

const isReported = ({ kind, value }: CredentialChange) => value !== null && reportedKinds.includes(kind);

/** Credentials with a limit on rows that others report. Rows beyond it are dropped, and asked for again when needed. */
export function boundedCredentials(
  open: OpenCredentials,
  { client }: Pick<Store, "client">,
  bounds = defaultBounds,
): OpenCredentials {
  return (fence, atRest) => {
    const credentials = open(fence, atRest);
    let written = 0;

    async function remaining(): Promise<number> {
      const { rows } = await client.execute({
        sql: `SELECT count(*) AS stored FROM credential WHERE session_id = ? AND kind IN (SELECT value FROM json_each(?))`,
        args: [fence.sessionId, JSON.stringify(reportedKinds)],
      });
      return Math.min(bounds.perWrite, bounds.total - Number(rows[0]?.["stored"]));
    }

    return {
      ...credentials,
      async write(changes) {
        written += changes.filter(isReported).length;
        if (written <= bounds.uncounted || !changes.some(isReported)) return credentials.write(changes);
        let left = await remaining();
        return credentials.write(changes.filter((change) => !isReported(change) || left-- > 0));
      },
    };
  };
}
