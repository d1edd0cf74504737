/**
 * The window of `window.ts` as Redis runs it, at once and on its own clock. rate-limiter-flexible calls it with the points
 * (below zero: given back), a duration that is not used, the limit and the window; it answers with the points consumed and
 * with milliseconds. What is refused changes nothing, answers more than the limit, and when there will be room. A key ends
 * when nothing is left of what was counted.
 */
export const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local points, limit = tonumber(ARGV[1]), tonumber(ARGV[3])
local window = tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'start', 'current', 'before')
local start, current, before = tonumber(kept[1]) or now, tonumber(kept[2]) or 0, tonumber(kept[3]) or 0
if now >= start + 2 * window or now < start or (current == 0 and (before == 0 or now >= start + window)) then
  start, current, before = now, 0, 0
elseif now >= start + window then
  start, current, before = start + window, 0, current
end
local over = now - start
if points < 0 then
  if current + points < 0 then points = 0 end
else
  local room = math.max(0, limit - current - math.ceil(before * (window - over) / window))
  if points > room then
    local spare, wait = limit - points, window
    if spare >= 0 and current <= spare and before > 0 then
      wait = math.max(0, math.ceil(window * (before - (spare - current)) / before) - over)
    elseif spare >= 0 then
      wait = window - over + math.max(0, math.ceil(window * (current - spare) / current))
    end
    return {limit - room + points, wait}
  end
end
current = current + points
redis.call('HSET', KEYS[1], 'start', string.format('%.0f', start), 'current', string.format('%.0f', current),
  'before', string.format('%.0f', before))
redis.call('PEXPIRE', KEYS[1], start + 2 * window - now)
local room = math.max(0, limit - current - math.ceil(before * (window - over) / window))
return {limit - room, window - over}
`
