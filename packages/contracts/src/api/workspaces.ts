import { z } from "zod";
import { WorkspaceId } from "../ids.ts";
import { CompanyName, Timestamp } from "./common.ts";
import { Country, Policy, Quota } from "./policy.ts";

const WorkspaceName = CompanyName.meta({
  description: "Stands in the text of codes where no company name is given.",
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
  .meta({ id: "Workspace", description: "A tenant: its policy in full, and what the operator grants it." });
export type Workspace = z.infer<typeof Workspace>;

const { retentionDays } = Policy.shape;
/** Every field may be left out, or null for its default. The fields' own defaults must not fill what was left out. */
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
/** Fields of the policy to set; null puts a field's default back. */
export type PolicyChange = {
  [Name in Exclude<Field, "retentionDays">]?: Policy[Name] | null | undefined;
} & {
  retentionDays?: { [Name in keyof Policy["retentionDays"]]?: number | null | undefined } | null | undefined;
};
export const PolicyChange: z.ZodType<PolicyChange> = z.strictObject(changes).meta({
  id: "PolicyChange",
  description: "The fields to change: what is left out stays, null puts a field's default back.",
});

export const ChangeWorkspace = z
  .strictObject({ name: WorkspaceName.optional(), policy: PolicyChange.optional() })
  .meta({ id: "ChangeWorkspace", description: "What is left out stays." });
export type ChangeWorkspace = z.infer<typeof ChangeWorkspace>;

export const CreateWorkspace = z
  .strictObject({
    name: WorkspaceName,
    adminEmail: z.email().max(254).meta({ description: "Of the workspace's first admin.", example: "ops@example.com" }),
    defaultCountry: Country.meta({ description: "National numbers are numbers of this country, and codes go there." }),
  })
  .meta({ id: "CreateWorkspace" });
export type CreateWorkspace = z.infer<typeof CreateWorkspace>;

export const CreatedWorkspace = z
  .object({
    workspaceId: WorkspaceId,
    apiKey: z.string().max(64).meta({ description: "A live key with every scope.", example: "sandi_live_9fK2mQx7…" }),
    testApiKey: z.string().max(64).meta({
      description: "A key for the sandbox, with `message:send` and every scope that begins with `otp:`.",
      example: "sandi_test_4hT8wRz1…",
    }),
    admin: z.object({
      email: z.email().max(254),
      password: z.string().max(64).meta({ description: "Made for you; change it at the first login." }),
    }),
  })
  .meta({ id: "CreatedWorkspace", description: "The keys and the password are in this answer and never again." });
export type CreatedWorkspace = z.infer<typeof CreatedWorkspace>;
