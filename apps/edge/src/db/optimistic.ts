import { AppError } from "@sandi/contracts";

const attempts = 5;

/**
 * Changes a row that others may change at the same time: `change` reads it, decides, and stores only where it still is as
 * it was read; undefined says that it was not, and has it done again.
 * @param name what the caller knows the row as
 */
export async function changeUntilStored<T>(name: string, change: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const stored = await change();
    if (stored !== undefined) return stored;
  }
  throw new AppError("database-unavailable", { detail: `The ${name} is being changed by others.`, retryAfter: 1 });
}
