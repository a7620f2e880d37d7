import { z } from "zod";
import { WorkspaceId } from "../ids.ts";
import { CompanyName, Timestamp } from "./common.ts";
import { Country, Policy, Quota } from "./policy.ts";

const WorkspaceName = CompanyName.meta({
  description: "The company name in texts, if a request gives no other.",
  example: "Acme",
});

export const Workspace = z
  .object({
    id: WorkspaceId,
    name: z.string().max(40),
    createdAt: Timestamp,
    policy: Policy,
    quota: Quota,
  })
  .meta({ id: "Workspace", description: "A tenant, with all fields of its policy and its quota." });
export type Workspace = z.infer<typeof Workspace>;

const { retentionDays } = Policy.shape;
/** A field that is left out does not change, and null restores its default. So the fields' own defaults are removed. */
const changes = Object.fromEntries(
  Object.entries(Policy.shape).map(([name, field]) => [
    name,
    (name === "retentionDays" ? RetentionChange() : field.unwrap()).nullable().optional(),
  ]),
);

function RetentionChange() {
  const fields = Object.entries(retentionDays.unwrap().shape).map(([name, field]) => [
    name,
    field.unwrap().nullable().optional(),
  ]);
  return z.strictObject(Object.fromEntries(fields) as Record<string, z.ZodType>);
}

type Field = keyof Policy;
/** Fields of the policy to set; null restores a field's default. */
export type PolicyChange = {
  [Name in Exclude<Field, "retentionDays">]?: Policy[Name] | null | undefined;
} & {
  retentionDays?: { [Name in keyof Policy["retentionDays"]]?: number | null | undefined } | null | undefined;
};
export const PolicyChange: z.ZodType<PolicyChange> = z.strictObject(changes).meta({
  id: "PolicyChange",
  description: "Fields that are left out do not change; null restores a field's default.",
});

export const ChangeWorkspace = z
  .strictObject({ name: WorkspaceName.optional(), policy: PolicyChange.optional() })
  .meta({ id: "ChangeWorkspace", description: "Fields that are left out do not change." });
export type ChangeWorkspace = z.infer<typeof ChangeWorkspace>;

export const CreateWorkspace = z
  .strictObject({
    name: WorkspaceName,
    adminEmail: z
      .email()
      .max(254)
      .meta({ description: "The address of the workspace's first admin.", example: "ops@example.com" }),
    defaultCountry: Country.meta({ description: "The country of national numbers. Codes go to this country." }),
  })
  .meta({ id: "CreateWorkspace" });
export type CreateWorkspace = z.infer<typeof CreateWorkspace>;

export const CreatedWorkspace = z
  .object({
    workspaceId: WorkspaceId,
    apiKey: z.string().max(64).meta({ description: "A live key with every scope.", example: "sandi_live_9fK2mQx7…" }),
    testApiKey: z.string().max(64).meta({
      description: "A key for the sandbox, with every scope that begins with `otp:` or `message:`.",
      example: "sandi_test_4hT8wRz1…",
    }),
    admin: z.object({
      email: z.email().max(254),
      password: z.string().max(64).meta({ description: "A random password. Change it at the first login." }),
    }),
  })
  .meta({ id: "CreatedWorkspace", description: "The keys and the password are shown in this answer only." });
export type CreatedWorkspace = z.infer<typeof CreatedWorkspace>;
