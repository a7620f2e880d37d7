/**
 * Consumes all counters, or none. A counter is `<used> <end of its window in ms>`. KEYS: the counters. ARGV: now in ms,
 * then quota, window in ms and cost of each. Returns as text 1 if it consumed them, else 0, then for each counter the used
 * amount and the remaining milliseconds of its window: at most one window, because clocks differ and windows can shrink.
 */
export const consumeScript = `local now = tonumber(ARGV[1])
local answer = {1}
for i, key in ipairs(KEYS) do
  local quota, window, cost = tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i]), tonumber(ARGV[3*i+1])
  local taken, left = 0, window
  local text = redis.call("GET", key)
  if text then
    local count, till = string.match(text, "^(%d+) (%d+)$")
    local rest = till and tonumber(till) - now or 0
    if rest > 0 then taken, left = tonumber(count), math.min(rest, window) end
  end
  if taken + cost > quota then answer[1] = 0 end
  answer[2*i], answer[2*i+1] = taken, left
end
if answer[1] == 1 then
  for i, key in ipairs(KEYS) do
    local taken, left = answer[2*i] + tonumber(ARGV[3*i+1]), answer[2*i+1]
    answer[2*i] = taken
    redis.call("SET", key, string.format("%.0f %.0f", taken, now + left), "PX", string.format("%.0f", left))
  end
end
return table.concat(answer, " ")`;

/** SHA-1 of the script for `EVALSHA`. It is a constant, because a Worker cannot compute it at its start. */
export const consumeScriptSha = "005551f90e06cf4b5d7491ba113adb77faf728cd";
