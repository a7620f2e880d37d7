/**
 * Takes from all counters, or from none. A counter is `<taken> <end of its window in ms>`; a window begins with its first
 * use. KEYS: the counters. ARGV: now in ms, then quota, window in ms and cost of each. Answers as text whether it took
 * (1 or 0), then what is taken of each and how many milliseconds its window still lasts: never more than a window, for
 * the isolates' clocks differ and windows may be made shorter.
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

/** SHA-1 of the script, by which Redis knows it; a constant, because a Worker computes nothing at its start. */
export const consumeScriptSha = "005551f90e06cf4b5d7491ba113adb77faf728cd";
