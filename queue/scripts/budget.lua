-- budget.lua - one token bucket for all workers: what they may ask of somebody together.
--
-- KEYS  the bucket: tokens, the time they are of, and until when nothing is given, in ms
-- ARGV  tokens a second, tokens it holds, how many are wanted, ms for which nobody gets any (0: none)
-- Returns how many are granted, and after how many ms it is worth asking again.
--
-- Redis's clock alone decides. DEL comes first so that Redis lets it run over maxmemory. One that
-- nobody asked for so long that it is full is forgotten, so an absent one is full.
local FUTURE_MAX_MS = 61000 -- no block is longer: the clock went back
local LIFE_MS = 600000 -- at least
local call = redis.call
local bucket = KEYS[1]
local rate, holds, wanted = tonumber(ARGV[1]) / 1000, tonumber(ARGV[2]), tonumber(ARGV[3])
local block = tonumber(ARGV[4])
local time = call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local known = redis.pcall('HMGET', bucket, 'n', 'at', 'until') -- overwritten, it counts as absent
local tokens, at, blocked = tonumber(known[1]) or holds, tonumber(known[2]) or now, tonumber(known[3]) or 0

if at > now + FUTURE_MAX_MS or blocked > now + FUTURE_MAX_MS then
  at, blocked = now, 0
end
if now > at then
  tokens, at = math.min(holds, tokens + (now - at) * rate), now
end
if block > 0 then
  blocked = math.max(blocked, now + block)
  tokens, at = math.min(tokens, 1), blocked -- then one asks whether it is over, and all go slowly
end
local granted = 0
if blocked <= now then
  granted = math.max(math.min(wanted, math.floor(tokens)), 0)
  tokens = tokens - granted
end
call('DEL', bucket)
call('HSET', bucket, 'n', string.format('%.6f', tokens), 'at', string.format('%.3f', at),
  'until', string.format('%.0f', blocked))
call('PEXPIRE', bucket, string.format('%.0f', math.max(LIFE_MS, holds / rate)))
return {granted, math.ceil(math.max(blocked - now, (1 - tokens) / rate, 0))}
