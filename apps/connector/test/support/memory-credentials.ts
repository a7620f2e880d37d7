import type { CredentialChange, Credentials } from "../../src/store/credentials.ts";

/** Credentials in memory, with what was read and written. */
export function memoryCredentials() {
  const values = new Map<string, string>();
  const reads: string[] = [];
  const writes: CredentialChange[][] = [];
  const credentials: Credentials = {
    async read(kind, ids) {
      reads.push(...ids.map((id) => `${kind} ${id}`));
      const found = ids.flatMap((id): [string, string][] => {
        const value = values.get(`${kind} ${id}`);
        return value === undefined ? [] : [[id, value]];
      });
      return new Map(found);
    },
    async write(changes) {
      writes.push(changes);
      for (const { kind, id, value } of changes) {
        if (value === null) values.delete(`${kind} ${id}`);
        else values.set(`${kind} ${id}`, value);
      }
    },
  };
  return { credentials, values, reads, writes };
}
