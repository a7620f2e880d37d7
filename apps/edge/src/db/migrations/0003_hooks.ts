export const hooks = {
  name: "0003_hooks",
  statements: [
    `CREATE TABLE supabase_hook (
      id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, name TEXT NOT NULL, company_name TEXT, locale TEXT, template_id TEXT,
      secret TEXT NOT NULL, previous_secret TEXT, previous_until INTEGER,
      created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX supabase_hook_workspace ON supabase_hook(workspace_id, id)`,
  ],
};
