/**
 * Codes that the caller knows (Supabase's, an own `code`, a revealed one) may be checked elsewhere, so a missing approval
 * says nothing about them. The `known_` stages count them a second time: conversion rates and the prefix guard subtract
 * them from `created`, `resent` and `approved`.
 */
export const checkedElsewhere = {
  name: "0013_checked_elsewhere",
  statements: [
    `CREATE TRIGGER verification_known_created AFTER INSERT ON verification WHEN NEW.has_known_code = 1 AND NEW.test = 0 BEGIN
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        VALUES (NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id, NEW.template_id,
        NEW.purpose, NEW.mode, 'known_created', 0, 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
    END`,
    `CREATE TRIGGER verification_known_resent AFTER UPDATE OF sends_left ON verification
      WHEN NEW.has_known_code = 1 AND NEW.test = 0 AND NEW.sends_left < OLD.sends_left BEGIN
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        VALUES (NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id, NEW.template_id,
        NEW.purpose, NEW.mode, 'known_resent', 0, 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
    END`,
    `CREATE TRIGGER verification_known_approved AFTER UPDATE OF status ON verification
      WHEN NEW.has_known_code = 1 AND NEW.test = 0 AND NEW.status = 'approved' AND OLD.status <> 'approved' BEGIN
      INSERT INTO conversion (workspace_id, prefix, hour, country, session_id, template_id, purpose, mode, stage, bucket, count)
        VALUES (NEW.workspace_id, NEW.prefix, NEW.created_at / 3600000 * 3600000, NEW.country, NEW.session_id, NEW.template_id,
        NEW.purpose, NEW.mode, 'known_approved', 0, 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
    END`,
  ],
};
