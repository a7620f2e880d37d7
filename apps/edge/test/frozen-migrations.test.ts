import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { migrationNames } from "../src/db/migration-names.ts";
import { migrations } from "../src/db/migrations.ts";

/** One line per migration in the order of application. To change the schema, add a migration and its line. */
const frozen: readonly (readonly [name: string, sha256: string])[] = [
  ["0001_foundation", "d1f7618f880ecd8031da612e3092024239e9767a5372469b057b71ee1a03bda4"],
  ["0002_verifications_complete", "748e6782d1f6d1f1959eed7b52a57ae08a82beadc2aee5176042869e8cdb6199"],
  ["0003_hooks", "110e6ab0e40e7cad06f62af60fce62d19f562aeac0d68e803eeaea7415b15a0a"],
  ["0004_traces", "974c48a06e27d2ddca2432fd033249b805d0f18c6db8fbd6b24c68b46f6a1d18"],
  ["0004_session_history", "fcb0e302b9bc0382b3c574c6a693e621f59aaf133b16d03126bab1588e7e1aa7"],
  ["0005_pools", "435cb9ff8493a4b7aa5d8d3a945584ffa19f92156ab755da05dba90265506355"],
  ["0005_incidents", "98cf8aaf2d686e1ec86d10d24ff2ca218ce2016281e662f669e8dacb0f507a83"],
  ["0006_session_figures", "377906e305bc738c5ce8e74bb28523c60bb32b7130c81edddfd2e3370f98f737"],
  ["0007_alert_digests", "88cd08ba009e9094972338016cb2d9ec2036b9c6fedf47f53e0998a33d543719"],
  ["0008_approval", "1984f8dea1f0c4c31fc10225d231809df9ef702b972a9721cf54dfc270c5df01"],
  ["0009_key_owners", "79950732f2de063acbda49e4645138d83de7f1b7f2500f8e573a5acb94cd835a"],
  ["0010_numbers", "5659d8589480116e74505be29604709c28cd18651f383122f6b96d00d814d8f5"],
  ["0011_budgets", "e0eedde12a6ed91317eb2665d0ac12825a506c2153288ad4efc735e3f101b148"],
  ["0012_accounts", "e9ea6136bb1e3be13ab86d553154c4bcac50d834866326b007f321f7f504e85a"],
  ["0013_checked_elsewhere", "105bd68da0d8bd0a76cbe3d16be6e3c90bb40cd3b21baaf9c5a23b2f9c5182f4"],
  ["0014_receipts", "ac77c237916ff153ddd999b368f12d9a379c9e3e9e917c7b074f2fbe0112ad87"],
  ["0015_jobs", "ba43b0f6119304df4295b6db2a5ea0225b3d160611aed55a597f524af7b88d2f"],
  ["0016_life", "5293ba6b379f9bcbe11ebb0d8d0c9ff3a873eeec68e4d42659c6c0d5bb7f9d0a"],
  ["0017_message_type", "ddde776d88e1b8f125d90ea6169904ac14d8b31fce31527b82a4a247465df65c"],
  ["0018_outbound", "7c3d77edc7eb3c3bbeb721e4308233712ea7ef89c8b7ac1ab2e99288271b359f"],
  ["0020_admission", "c943dfa3cb1819c43c1eb88f7d3573211cb530e76a9f6ca9f70faf6d3fb8e779"],
  ["0021_sandbox_steps", "81aa496b066317f48f514e4363e8794849548e25ebc3f99b2a91146293f42ed3"],
  ["0022_decisions", "27d1692d11b64ecd0f1c26a20ea9300bfcae96086a007928c5364c3e9107a3bb"],
  ["0024_list_indexes", "2d2e79e722e8557797ace679bcdf3233a6807f4f2ca276871b76b0fc52cb4699"],
  ["0025_rolled_up_counts", "6052720c79ad5b1d93843f75c72dce8823f0700f185af8e3bb05f9332f26bc9e"],
  ["0030_session_rules", "d5ec34c09478934a5c852952113deda6795ad24d7a8d9cfe61a61f7569874d93"],
  ["0031_group_scope", "a5b02502b571fb8758b1a65d04b9d51e483100d0976190dac92cc408d74d8c13"],
  ["0032_fewer_writes", "8dc453b6a383486af0f6933d0fa849eb30eff776fca83f5d3c90c54d85b6f65c"],
  ["0033_prefix_ranks", "a675c0352f404dee6979112b2f868d9c106216ce967263b131b40025be190249"],
  ["0035_message_life", "4aedc48518a1c6a8c0e39a6b052ff9d7b5a508bfcb51c61565b7b99c78a0df7c"],
  ["0036_media", "254cd757484575c4def4751b5b11149b16f6d376ddf330afe486e191f935e919"],
  ["0037_batches", "f1bd768abf219fbf5d1f1b0dccb7b1739149f953d44c7dcbf0bb9b18596d1b1e"],
  ["0038_inbound", "8ddbcb75ef2984774e6bf190801455b7d8ea441c5828b4da963a47e9ee36afe9"],
  ["0040_deleted", "1a8c855dc7b1a2b1b860a12b92f6cd7deb046b972248a63864961c0119e457dc"],
  ["0041_chats", "1c5ffcb0547dbaa42dc150a08d3430ea8069b8cec3d353ba6315a39ff78f5cdc"],
  ["0042_batch_media", "6b085be8802ec3421268df51b42b049f040ccb5f716f5bf6ff60bb8fa76dd49e"],
  ["0043_received_files", "89dfb3c62997f506ddc83c501f92912920e0d2f5f0065b0f66c431be13a30cb1"],
  ["0045_erasure", "606f55461daf82890c0b2f97514abff23e008a2e420ac21518825c24436be764"],
  ["0047_webhooks", "d421b3122f4c60ffe81095cfe33165fab44ffeb7ba933688644c5498f63e31c3"],
  ["0048_largest_prefixes", "1e73ca889c315bb30f5f5bbeee4af8f955746b7ddba755b0e9bc66d5e5240ca9"],
  ["0051_event_contents", "eb64f56cacc5e19be57a6e7dc06eb42ba599afafff010b9aaa60f43cc8a49fdf"],
];

const hash = (statements: readonly string[]) => createHash("sha256").update(JSON.stringify(statements)).digest("hex");

it.each(frozen.map(([name, sha256], i) => ({ name, sha256, i })))(
  "migration $name is as released",
  ({ name, sha256, i }) => {
    const migration = migrations[i];
    expect(
      migration?.name,
      `${name} was removed or moved. Databases have it: restore it and add a new migration.`,
    ).toBe(name);
    expect(
      hash(migration?.statements ?? []),
      `${name} was edited. Databases keep the released form: restore it and add a new migration.`,
    ).toBe(sha256);
  },
);

it("pins every migration", () => {
  const unpinned = migrations.slice(frozen.length).map(({ name, statements }) => `["${name}", "${hash(statements)}"],`);
  expect(unpinned, "Add these lines to the list above, and never edit the migrations after their release.").toEqual([]);
});

it("are all in the list of names that the Worker reads", () => {
  expect(migrationNames).toEqual(migrations.map(({ name }) => name));
});

it("names of new migrations sort in the order of application", () => {
  // Two released pairs share a number (0004, 0005). Databases know them by these names.
  const names = migrations.map(({ name }) => name).slice(7);
  expect(names).toEqual(names.toSorted());
  expect(new Set(names.map((name) => name.slice(0, 4))).size).toBe(names.length);
});
