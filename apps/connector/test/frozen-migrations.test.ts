import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { migrations } from "../src/store/migrations.ts";

/** One line per migration in the order of application. To change the schema, add a migration and its line. */
const frozen: readonly (readonly [name: string, sha256: string])[] = [
  ["0001_connector", "1955dd847282942b98aa71fed5ec10de31a05ebc60a9f87a312c741aaa74f6ae"],
  ["0002_received", "7b363e6b3ceda961ea4cd75f7a701fb0752175c046fc98546660c60100ad0544"],
  ["0003_revocation", "bc62b432969bd7ea3c5688f6a4f5d5d38d949d7d4e14400352c29816e1e879e7"],
  ["0004_fleet", "87f66e8fd7821f931a849260459fa21fdcac7244e48e81c4b1ffaf7710d2f060"],
  ["0005_traces", "3337c6412e35f95f5acac36fb192146fbaa38ce63c8c6e59fcb8c2f2b0ac0b3d"],
  ["0006_sending", "89847697e8246036223abca236c5e6cecd2818210c0b36ea12e03bbb7ea4e31f"],
  ["0007_look_ups", "180c5e9346ddd1add9bf2edb57b276c7aeedfdfc6a14a70b0d18a7ce805f4920"],
  ["0008_identities", "1af4eacf91efdcaacf90f1901df3009f311808981c4a53d0514c85219f5ff397"],
  ["0009_session_proxy", "a54d4d5cbbf5ad4c8dc33390a35173d063d59cf003863d7b376949b0b9bee232"],
  ["0010_spent_tokens", "721034a6c07d0fc0adfcef58e8f526c6295323850cbac0c78c57f902adba399a"],
  ["0011_keys_of_members", "20a4088d3c44a8ba6f8f6770073e1ac2e35cd71691a369df66fc6086158ad5ab"],
  ["0012_paced", "a6d3bf8c28029a5d297545ecb511a5e429f3b222450d5574104bb6cbf60808d5"],
  ["0013_token_age", "5d3408fc59678d31ca493fc54536d4230b63cb6320017e205553b821792920c6"],
  ["0014_look_up_pause", "18ecf21a7ab4f494fa04c86e46fe2cb27e4cf2758735085d71d78633b7add69b"],
  ["0015_account", "ff6f0d42925e5baeac80ff8c1aad8d4ce7eb47be16d962d4209935ac85402bef"],
  ["0017_messages", "9c09edadede4576dbd2ed00efb29c1315eb2b41a7f6a499ffa9e279896394968"],
  ["0018_actions", "3e4ed315e126153ed6925221243d9094c10f227f66c64b782b968ca3a0a924a2"],
  ["0019_own_changes", "1a8c855dc7b1a2b1b860a12b92f6cd7deb046b972248a63864961c0119e457dc"],
  ["0020_receipts", "1972c6fe4acd90e54d172e701b797a540adbb167b5ac3c8d4d3cee631fba531f"],
  ["0021_numbered", "0e86089548f1d89c32576f2576b54b178f2fe89ad0fa2142a1aad625edce68bc"],
  ["0022_downloads", "a44756a6a4b0e5b9dcfc1d56d10bd22121fe3544e52fb727b8f37939ffb7d91c"],
  ["0023_read", "1368e9e55d2be0efccce981ae513a455eadd436616d23e89db9dbbd2d1f6452a"],
  ["0024_erased", "66b756847bf913f2e4aec4b0b62465479d490a1edecb262536a8ee11a9e9be04"],
  ["0025_event_contents", "a20c4799dda9f2ee5296533e99954f1b6658475d54e648e727c007ef92049599"],
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

it("names sort in the order of application", () => {
  const names = migrations.map(({ name }) => name);
  expect(names).toEqual(names.toSorted());
  expect(new Set(names.map((name) => name.slice(0, 4))).size).toBe(names.length);
});
