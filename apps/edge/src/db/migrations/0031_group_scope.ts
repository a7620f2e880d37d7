/**
 * No key can give another one a scope that it does not have itself. So in a workspace where no key has `group:manage`, the
 * keys that have all older scopes get it.
 */
export const groupScope = {
  name: "0031_group_scope",
  statements: [
    `UPDATE api_key SET scopes = '["otp:send","otp:check","otp:custom","otp:reveal","otp:approve","lookup:read","message:send","session:manage","group:manage","webhook:manage","analytics:read","key:manage"]'
      WHERE environment = 'live' AND revoked_at IS NULL
      AND (SELECT count(DISTINCT value) FROM json_each(api_key.scopes) WHERE value IN ('otp:send', 'otp:check', 'otp:custom',
        'otp:reveal', 'otp:approve', 'lookup:read', 'message:send', 'session:manage', 'webhook:manage', 'analytics:read',
        'key:manage')) = 11
      AND workspace_id NOT IN (SELECT k.workspace_id FROM api_key k CROSS JOIN json_each(k.scopes) s
        WHERE s.value = 'group:manage' AND k.revoked_at IS NULL)`,
  ],
};
