export interface ErasureTable {
  id: string;
  workspaceId: string;
  /** A hash of what the request named, while it runs. */
  person: string | null;
  /** All names of the person, sealed with the workspace's key, while it runs. */
  sealed: string | null;
  state: "running" | "finished" | "incomplete";
  /** JSON of `Progress`. */
  progress: string;
  /** When it needs work next; null: it needs none. */
  dueAt: number | null;
  createdAt: number;
  updatedAt: number;
  finishedAt: number | null;
}
